import { describe, expect, it } from 'vitest'
import type { Job, JobEvents, JobMemory, JobResult, JobRun, Progress } from '../../src/jobs/job.ts'
import { Scheduler } from '../../src/jobs/scheduler.ts'
import { abortable } from '../../src/util/abortable.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { isPending, until } from '../support/turns.ts'

const HOUR_MS = 3_600_000
const never = new AbortController().signal
const quiet = { progress: () => {}, signal: never }

/** A job whose runs end when the test says so. */
class TestJob implements Job {
  readonly name: string
  readonly everyMs: number
  readonly first: Job['first']
  readonly startedAtMs: number[] = []
  readonly #clock: FakeClock
  #runs: PromiseWithResolvers<JobResult>[] = []
  report: (progress: Progress) => void = () => {}

  constructor(clock: FakeClock, options: Partial<Pick<Job, 'name' | 'everyMs' | 'first'>> = {}) {
    this.#clock = clock
    this.name = options.name ?? 'sweep'
    this.everyMs = options.everyMs ?? HOUR_MS
    this.first = options.first ?? 'at-start'
  }

  get runs(): number {
    return this.startedAtMs.length
  }

  run(signal: AbortSignal, report: (progress: Progress) => void): Promise<JobResult> {
    this.startedAtMs.push(this.#clock.now())
    this.report = report
    const ended = Promise.withResolvers<JobResult>()
    this.#runs.push(ended)
    return abortable(ended.promise, signal)
  }

  /** Waits for the `nth` run. */
  async started(nth: number): Promise<void> {
    await until(`run ${nth} has started`, () => this.runs >= nth)
  }

  end(result: JobResult = { found: 1 }): void {
    this.#runs.at(-1)!.resolve(result)
  }

  fail(error: Error): void {
    this.#runs.at(-1)!.reject(error)
  }
}

class TestMemory implements JobMemory {
  readonly kept = new Map<string, JobRun>()

  recall(name: string): Promise<JobRun | undefined> {
    return Promise.resolve(this.kept.get(name))
  }

  keep(name: string, run: JobRun): Promise<void> {
    this.kept.set(name, run)
    return Promise.resolve()
  }
}

function rig(memory = new TestMemory()) {
  const clock = new FakeClock()
  const said: string[] = []
  const events: JobEvents = {
    jobStarted: ({ job }) => void said.push(`${job} started`),
    jobEnded: ({ job, durationMs, result }) =>
      void said.push(`${job} ended after ${durationMs}: ${JSON.stringify(result)}`),
    jobFailed: ({ job, error }) => void said.push(`${job} failed: ${(error as Error).message}`),
  }
  const scheduler = new Scheduler({ clock, events, memory })
  return { clock, said, memory, scheduler, startMs: clock.now() }
}

/** Moves the clock in steps, as time goes, and lets what is due happen after each. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  const endMs = clock.now() + ms
  while (clock.now() < endMs) {
    await isPending(new Promise(() => {}))
    clock.advance(Math.min(endMs - clock.now(), HOUR_MS))
  }
  await isPending(new Promise(() => {}))
}

describe('a job', () => {
  it('runs at the start and then every so often, from start to start', async () => {
    const { clock, scheduler, said, startMs } = rig()
    await using _scheduler = scheduler
    const job = new TestJob(clock, { everyMs: 48 * HOUR_MS })
    scheduler.add(job)
    await job.started(1)
    clock.advance(1_000)
    job.end()
    await pass(clock, 48 * HOUR_MS - 1_001)
    expect(job.runs).toBe(1)
    await pass(clock, 1)
    expect(job.startedAtMs).toEqual([startMs, startMs + 48 * HOUR_MS])
    expect(said).toEqual(['sweep started', 'sweep ended after 1000: {"found":1}', 'sweep started'])
  })

  it('is due where the clock has been put back behind its last run', async () => {
    const { clock, scheduler } = rig()
    await using _scheduler = scheduler
    const job = new TestJob(clock, { everyMs: 2 * HOUR_MS })
    scheduler.add(job)
    await job.started(1)
    job.end()
    await until('it waits for the next', () => clock.sleeping === 1)
    clock.putBack(1000 * HOUR_MS)
    clock.advance(HOUR_MS)
    await job.started(2)
  })

  it('runs one time after the other where it takes longer than that', async () => {
    const { clock, scheduler } = rig()
    await using _scheduler = scheduler
    const job = new TestJob(clock)
    scheduler.add(job)
    await job.started(1)
    await pass(clock, 3 * HOUR_MS)
    expect(job.runs).toBe(1)
    job.end()
    await job.started(2)
  })

  it('says how it is doing', async () => {
    const { clock, scheduler, startMs } = rig()
    await using _scheduler = scheduler
    const job = new TestJob(clock)
    scheduler.add(job)
    await job.started(1)
    const status = { name: 'sweep', everyMs: HOUR_MS, progress: undefined }
    const running = { ...status, isRunning: true, lastRun: undefined, nextRunAtMs: undefined }
    expect(scheduler.status()).toEqual([running])
    const progress = { done: 1, total: 3, unit: 'contents' } as const
    job.report(progress)
    expect(scheduler.status()).toEqual([{ ...running, progress }])
    clock.advance(5)
    job.end({ found: 7 })
    await until('the run has ended', () => !scheduler.status()[0]!.isRunning)
    const lastRun = { startedAtMs: startMs, endedAtMs: startMs + 5, result: { found: 7 } }
    expect(scheduler.status()).toEqual([
      {
        ...status,
        isRunning: false,
        lastRun: { ...lastRun, error: undefined },
        nextRunAtMs: startMs + HOUR_MS,
      },
    ])
  })

  it('is repeated soon when it failed, and others go on', async () => {
    const { clock, scheduler, said, startMs } = rig()
    await using _scheduler = scheduler
    const [failing, other] = [new TestJob(clock), new TestJob(clock, { name: 'other' })]
    scheduler.add(failing)
    scheduler.add(other)
    await failing.started(1)
    failing.fail(new Error('disk on fire'))
    await until('it has failed', () => scheduler.status()[0]!.lastRun)
    expect(said).toContain('sweep failed: disk on fire')
    expect(scheduler.status()[0]).toMatchObject({
      lastRun: { error: 'disk on fire', result: undefined },
      nextRunAtMs: startMs + 300_000,
    })
    await pass(clock, 300_000)
    expect(failing.runs).toBe(2)
    expect(scheduler.status()[1]).toMatchObject({ isRunning: true })
  })
})

describe('a job that is triggered', () => {
  it('runs at once, and is due that much later', async () => {
    const { clock, scheduler, startMs } = rig()
    await using _scheduler = scheduler
    const job = new TestJob(clock)
    scheduler.add(job)
    await job.started(1)
    job.end()
    await pass(clock, HOUR_MS / 2)
    const triggered = scheduler.trigger('sweep', quiet)
    await job.started(2)
    job.end({ found: 2 })
    expect(await triggered).toEqual({ found: 2 })
    await pass(clock, HOUR_MS - 1)
    expect(job.runs).toBe(2)
    await pass(clock, 1)
    expect(job.startedAtMs[2]).toBe(startMs + 1.5 * HOUR_MS)
  })

  it('is joined where it runs, by any number, with its progress', async () => {
    const { clock, scheduler } = rig()
    await using _scheduler = scheduler
    const job = new TestJob(clock)
    scheduler.add(job)
    await job.started(1)
    const half = { done: 1, total: 2, unit: 'contents' } as const
    const whole = { ...half, done: 2 }
    job.report(half)
    const heard: Progress[][] = [[], []]
    const joined = heard.map((list) =>
      scheduler.trigger('sweep', { signal: never, progress: (one) => list.push(one) }),
    )
    job.report(whole)
    job.end()
    expect(await Promise.all(joined)).toEqual([{ found: 1 }, { found: 1 }])
    expect(heard).toEqual([
      [half, whole],
      [half, whole],
    ])
    expect(job.runs).toBe(1)
  })

  it('goes on without those who leave', async () => {
    const { clock, scheduler } = rig()
    await using _scheduler = scheduler
    const job = new TestJob(clock)
    scheduler.add(job)
    await job.started(1)
    const leaving = new AbortController()
    const heard: Progress[] = []
    const left = caught(
      scheduler.trigger('sweep', {
        signal: leaving.signal,
        progress: (one) => void heard.push(one),
      }),
    )
    const stays = scheduler.trigger('sweep', quiet)
    leaving.abort(new Error('gone'))
    expect(await left).toMatchObject({ message: 'gone' })
    job.report({ done: 1, total: undefined, unit: 'bytes' })
    job.end()
    expect(await stays).toEqual({ found: 1 })
    expect(heard).toEqual([])
  })

  it('tells those who wait why it failed', async () => {
    const { clock, scheduler } = rig()
    await using _scheduler = scheduler
    const job = new TestJob(clock)
    scheduler.add(job)
    await job.started(1)
    const triggered = caught(scheduler.trigger('sweep', quiet))
    const error = new Error('disk on fire')
    job.fail(error)
    expect(await triggered).toBe(error)
  })

  it('is one that was added', async () => {
    await using scheduler = rig().scheduler
    expect(await caught(scheduler.trigger('nap', quiet))).toBeInstanceOf(RangeError)
  })
})

describe('the last run', () => {
  it('is known after a restart, and the next one waits for its time', async () => {
    const first = rig()
    const job = new TestJob(first.clock, { first: 'when-due' })
    first.scheduler.add(job)
    await job.started(1)
    job.end({ found: 3 })
    await until('it is kept', () => first.memory.kept.get('sweep'))
    await first.scheduler[Symbol.asyncDispose]()
    const second = rig(first.memory)
    await using _scheduler = second.scheduler
    second.clock.advance(HOUR_MS / 4)
    const again = new TestJob(second.clock, { first: 'when-due' })
    second.scheduler.add(again)
    await until('it is recalled', () => second.scheduler.status()[0]!.lastRun)
    expect(second.scheduler.status()[0]!.lastRun!.result).toEqual({ found: 3 })
    await pass(second.clock, (HOUR_MS * 3) / 4 - 1)
    expect(again.runs).toBe(0)
    await pass(second.clock, 1)
    expect(again.runs).toBe(1)
  })

  it('is not one that a stop cut short: the next start goes on with it', async () => {
    const first = rig()
    const job = new TestJob(first.clock, { first: 'when-due' })
    first.scheduler.add(job)
    await job.started(1)
    const waiting = caught(first.scheduler.trigger('sweep', quiet))
    await first.scheduler[Symbol.asyncDispose]()
    expect(await waiting).toMatchObject({ message: 'the daemon is stopping' })
    expect(first.memory.kept.size).toBe(0)
    expect(first.said).toEqual(['sweep started'])
    const second = rig(first.memory)
    await using _scheduler = second.scheduler
    const again = new TestJob(second.clock, { first: 'when-due' })
    second.scheduler.add(again)
    await again.started(1)
  })
})

it('a job runs also where its last run can be neither recalled nor kept', async () => {
  const memory = new TestMemory()
  memory.recall = () => Promise.reject(new Error('cannot recall'))
  memory.keep = () => Promise.reject(new Error('cannot keep'))
  const { clock, scheduler, said } = rig(memory)
  await using _scheduler = scheduler
  const job = new TestJob(clock, { first: 'when-due' })
  scheduler.add(job)
  await job.started(1)
  const triggered = scheduler.trigger('sweep', quiet)
  job.end({ found: 3 })
  expect(await triggered).toEqual({ found: 3 })
  expect(said).toContain('sweep failed: cannot recall')
  expect(said).toContain('sweep failed: cannot keep')
  await pass(clock, HOUR_MS)
  expect(job.runs).toBe(2)
})

describe('stopping', () => {
  it('waits until the run under way has come to its end', async () => {
    const { scheduler } = rig()
    const cleanedUp = Promise.withResolvers<void>()
    const aborted = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    scheduler.add({
      name: 'slow',
      everyMs: HOUR_MS,
      first: 'at-start',
      async run(signal) {
        signal.addEventListener('abort', () => aborted.resolve())
        started.resolve()
        await cleanedUp.promise
        throw signal.reason
      },
    })
    await started.promise
    const disposed = scheduler[Symbol.asyncDispose]()
    await aborted.promise
    expect(await isPending(disposed)).toBe(true)
    cleanedUp.resolve()
    await disposed
    expect(await caught(scheduler.trigger('slow', quiet))).toMatchObject({
      message: 'the daemon is stopping',
    })
  })

  it('does not wait for what is not due', async () => {
    const { clock, scheduler } = rig()
    const job = new TestJob(clock)
    scheduler.add(job)
    await job.started(1)
    job.end()
    await until('it sleeps', () => clock.sleeping === 1)
    await scheduler[Symbol.asyncDispose]()
    expect(clock.sleeping).toBe(0)
  })
})
