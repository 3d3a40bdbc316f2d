import type { Eviction } from './cache/evict.ts'
import type { UpkeepJobs } from './cache/mirror-operations.ts'
import type { JobStatus, Removal, ScrubSummary, SweepSummary } from './cache/operations.ts'
import type { Scrub } from './cache/scrub.ts'
import type { Space } from './cache/space.ts'
import type { Sweep } from './cache/sweep.ts'
import type { Inventory } from './inventory/inventory.ts'
import type { Job, JobEvents, JobMemory, JobResult, JobRun } from './jobs/job.ts'
import type { RunListener } from './jobs/scheduled-job.ts'
import { Scheduler } from './jobs/scheduler.ts'
import type { Clock } from './util/clock.ts'

const SWEEP_EVERY_MS = 24 * 60 * 60_000

/** Passes that are urged follow each other no faster. */
const URGED_EVERY_MS = 1000

const WITHIN_LIMITS = { isDryRun: false, toBytes: undefined } as const

export interface UpkeepOptions {
  inventory: Inventory
  space: Space
  eviction: Eviction
  scrub: Scrub
  sweep: Sweep
  everyMs: { evict: number; scrub: number }
  /** What else is done by schedule. */
  jobs: Job[]
  clock: Clock
  events: JobEvents
}

/**
 * Keeps the right things, and keeps them right, on schedule; and evicts at once when space is
 * short. Disposing ends what is under way and waits for it; it may be done twice.
 */
export class Upkeep implements UpkeepJobs, AsyncDisposable {
  readonly #clock: Clock
  readonly #eviction: Eviction
  readonly #scheduler: Scheduler
  readonly #lifetime = new AbortController()
  #isUrged = false
  #urged: Promise<void> | undefined
  #passed = Promise.withResolvers<void>()

  constructor(options: UpkeepOptions) {
    const { inventory, space, eviction, scrub, sweep, everyMs, clock, events } = options
    this.#clock = clock
    this.#eviction = eviction
    this.#scheduler = new Scheduler({ clock, events, memory: memoryIn(inventory) })
    this.#scheduler.add({
      name: 'evict',
      everyMs: everyMs.evict,
      first: 'at-start',
      run: async (signal, progress) => ({
        ...(await eviction.run(WITHIN_LIMITS, { progress, item: () => Promise.resolve(), signal })),
      }),
    })
    this.#scheduler.add({
      name: 'scrub',
      everyMs: everyMs.scrub,
      first: 'when-due',
      run: async (signal, report) => ({ ...(await scrub.run(signal, report)) }),
    })
    this.#scheduler.add({
      name: 'sweep',
      everyMs: SWEEP_EVERY_MS,
      first: 'at-start',
      run: async (signal, report) => ({ ...(await sweep.run(signal, report)) }),
    })
    for (const job of options.jobs) this.#scheduler.add(job)
    space.urge = () => this.#urge()
  }

  async evict(listener: RunListener): Promise<Removal> {
    const { images = 0, contents = 0, bytes = 0 } = await this.#scheduler.trigger('evict', listener)
    return { images, contents, bytes }
  }

  async scrub(listener: RunListener): Promise<ScrubSummary> {
    const result = await this.#scheduler.trigger('scrub', listener)
    const { contents = 0, bytes = 0, quarantined = 0 } = result
    return { contents, bytes, quarantined }
  }

  async sweep(listener: RunListener): Promise<SweepSummary> {
    const result = await this.#scheduler.trigger('sweep', listener)
    const { adopt = 0, quarantine = 0, forget = 0, remove = 0 } = result
    return { adopt, quarantine, forget, remove }
  }

  /** One of `jobs` by its name. */
  async run(job: string, listener: RunListener): Promise<JobResult> {
    return this.#scheduler.trigger(job, listener)
  }

  status(): JobStatus[] {
    return this.#scheduler.status()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort(new Error('the daemon is stopping'))
    await this.#scheduler[Symbol.asyncDispose]()
    await this.#eviction[Symbol.asyncDispose]()
    await this.#urged
  }

  /** Resolves when the next pass has ended, or there will be none. */
  #urge(): Promise<void> {
    const { promise } = this.#passed
    this.#isUrged = true
    this.#urged ??= this.#evictWhileUrged()
    return promise
  }

  /** What is urged during a pass may have come too late for it. */
  async #evictWhileUrged(): Promise<void> {
    const { signal } = this.#lifetime
    try {
      while (this.#isUrged && !signal.aborted) {
        this.#isUrged = false
        // One that fails is reported as a job.
        await this.evict({ progress: () => {}, signal }).catch(() => undefined)
        this.#tellPassed()
        await this.#clock.sleep(URGED_EVERY_MS, signal)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      this.#urged = undefined
      this.#tellPassed()
    }
  }

  #tellPassed(): void {
    this.#passed.resolve()
    this.#passed = Promise.withResolvers()
  }
}

function memoryIn(inventory: Inventory): JobMemory {
  return {
    recall: async (job) => (await inventory.jobState(`${job}.run`)) as JobRun | undefined,
    keep: (job, run) => inventory.putJobState(`${job}.run`, run),
  }
}
