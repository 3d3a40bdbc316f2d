import { abortable } from '../util/abortable.ts'
import type { Clock } from '../util/clock.ts'
import type { Job, JobEvents, JobMemory, JobResult, JobRun, JobStatus, Progress } from './job.ts'

/** A run that failed is repeated after this long, or sooner where the job is due. */
const RETRY_AFTER_MS = 5 * 60_000

/** Timers count to 25 days, and the clock may be set meanwhile. */
const LONGEST_SLEEP_MS = 60 * 60_000

export interface RunListener {
  progress: (progress: Progress) => void
  /** Ends the wait, not the run. */
  signal: AbortSignal
}

export interface ScheduleOptions {
  clock: Clock
  events: JobEvents
  memory: JobMemory
}

interface Running {
  result: Promise<JobResult>
  listeners: Set<RunListener>
}

/** A job on its schedule, until it is disposed. */
export class ScheduledJob implements AsyncDisposable {
  readonly #job: Job
  readonly #options: ScheduleOptions
  readonly #abort = new AbortController()
  readonly #schedule: Promise<void>
  #running: Running | undefined
  #progress: Progress | undefined
  #lastRun: JobRun | undefined
  #nextRunAtMs: number | undefined

  constructor(job: Job, options: ScheduleOptions) {
    this.#job = job
    this.#options = options
    this.#schedule = this.#runRegularly()
  }

  get status(): JobStatus {
    const { name, everyMs } = this.#job
    return {
      name,
      everyMs,
      progress: this.#progress,
      isRunning: this.#running !== undefined,
      lastRun: this.#lastRun,
      nextRunAtMs: this.#running ? undefined : this.#nextRunAtMs,
    }
  }

  /** Runs it now, or joins the run under way. Rejects with what the run throws. */
  async trigger(listener: RunListener): Promise<JobResult> {
    listener.signal.throwIfAborted()
    this.#abort.signal.throwIfAborted()
    const running = this.#running ?? this.#start()
    if (this.#progress) listener.progress(this.#progress)
    running.listeners.add(listener)
    try {
      return await abortable(running.result, listener.signal)
    } finally {
      running.listeners.delete(listener)
    }
  }

  /** Ends the run under way and waits for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort(new Error('the daemon is stopping'))
    await Promise.allSettled([this.#schedule, this.#running?.result])
  }

  async #runRegularly(): Promise<void> {
    const { clock, memory } = this.#options
    const { signal } = this.#abort
    const recalled = await this.#attempt(() => memory.recall(this.#job.name))
    // One that was triggered meanwhile is later.
    this.#lastRun ??= recalled
    this.#nextRunAtMs ??= this.#firstRunAtMs(clock.now())
    while (!signal.aborted) {
      try {
        await this.#untilDue(signal)
        await (this.#running ?? this.#start()).result
      } catch {
        // The run has reported why it failed, or all of it comes to its end.
      }
    }
  }

  #firstRunAtMs(nowMs: number): number {
    if (this.#job.first === 'at-start' || !this.#lastRun) return nowMs
    return this.#dueAfter(this.#lastRun)
  }

  async #untilDue(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    for (;;) {
      const leftMs = (this.#nextRunAtMs ?? 0) - clock.now()
      // It is further off than that only where the clock has been put back.
      if (leftMs <= 0 || leftMs > this.#job.everyMs) return
      await clock.sleep(Math.min(leftMs, LONGEST_SLEEP_MS), signal)
    }
  }

  #start(): Running {
    const listeners = new Set<RunListener>()
    const result = this.#run((progress) => {
      this.#progress = progress
      for (const listener of listeners) listener.progress(progress)
    })
    // Where nobody waits, nobody is owed its failure.
    result.catch(() => undefined)
    this.#running = { result, listeners }
    return this.#running
  }

  async #run(report: (progress: Progress) => void): Promise<JobResult> {
    const { clock, events } = this.#options
    const { name: job } = this.#job
    const { signal } = this.#abort
    const startedAtMs = clock.now()
    events.jobStarted({ job })
    try {
      const result = await this.#job.run(signal, report)
      const endedAtMs = clock.now()
      events.jobEnded({ job, durationMs: endedAtMs - startedAtMs, result })
      await this.#end({ startedAtMs, endedAtMs, result, error: undefined })
      return result
    } catch (cause) {
      if (signal.aborted) throw cause
      events.jobFailed({ job, error: cause })
      const error = cause instanceof Error ? cause.message : String(cause)
      await this.#end({ startedAtMs, endedAtMs: clock.now(), result: undefined, error })
      throw cause
    }
  }

  async #end(run: JobRun): Promise<void> {
    this.#running = undefined
    this.#progress = undefined
    this.#lastRun = run
    this.#nextRunAtMs = this.#dueAfter(run)
    await this.#attempt(() => this.#options.memory.keep(this.#job.name, run))
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      this.#options.events.jobFailed({ job: this.#job.name, error })
      return undefined
    }
  }

  #dueAfter({ startedAtMs, endedAtMs, error }: JobRun): number {
    const { everyMs } = this.#job
    if (error === undefined) return startedAtMs + everyMs
    return endedAtMs + Math.min(everyMs, RETRY_AFTER_MS)
  }
}
