/** How far a run has come. */
export interface Progress {
  done: number
  /** `undefined` while it is not known. */
  total: number | undefined
  unit: 'bytes' | 'images' | 'contents'
}

/** What a run has done, in numbers with names. */
export type JobResult = Readonly<Record<string, number>>

/** Work that is done again and again, one run at a time. */
export interface Job {
  name: string
  /** From the start of one run to the start of the next, as far as a run does not take longer. */
  everyMs: number
  /** `at-start`: whenever the scheduler is made; `when-due`: with the last run's time in mind. */
  first: 'at-start' | 'when-due'
  /** Ends soon, by rejecting, when the signal is aborted: the next run then goes on from there. */
  run(signal: AbortSignal, report: (progress: Progress) => void): Promise<JobResult>
}

/** A run that has come to its end. */
export interface JobRun {
  startedAtMs: number
  endedAtMs: number
  /** `undefined` where it failed. */
  result: JobResult | undefined
  /** Why it failed. */
  error: string | undefined
}

export interface JobStatus {
  name: string
  everyMs: number
  /** `undefined` while it does not run, and until the run has said something. */
  progress: Progress | undefined
  isRunning: boolean
  lastRun: JobRun | undefined
  /** `undefined` while it runs. */
  nextRunAtMs: number | undefined
}

/** Where the end of the last run is kept over a restart. Jobs run also where it fails. */
export interface JobMemory {
  recall(name: string): Promise<JobRun | undefined>
  keep(name: string, run: JobRun): Promise<void>
}

/** Who is told of what jobs do. */
export interface JobEvents {
  jobStarted(event: { job: string }): void
  jobEnded(event: { job: string; durationMs: number; result: JobResult }): void
  jobFailed(event: { job: string; error: unknown }): void
}
