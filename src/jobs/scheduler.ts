import type { Job, JobResult, JobStatus } from './job.ts'
import { ScheduledJob, type RunListener, type ScheduleOptions } from './scheduled-job.ts'

/** Jobs by name, each on its own schedule. Disposing ends what runs and waits for it. */
export class Scheduler implements AsyncDisposable {
  readonly #options: ScheduleOptions
  readonly #jobs = new Map<string, ScheduledJob>()

  constructor(options: ScheduleOptions) {
    this.#options = options
  }

  /** Starts the schedule of a job; its name is new. */
  add(job: Job): void {
    this.#jobs.set(job.name, new ScheduledJob(job, this.#options))
  }

  /** Runs a job that was added now, or joins the run under way. Rejects with what the run throws. */
  async trigger(name: string, listener: RunListener): Promise<JobResult> {
    const job = this.#jobs.get(name)
    if (!job) throw new RangeError(`there is no job ${name}`)
    return job.trigger(listener)
  }

  /** In the order in which they were added. */
  status(): JobStatus[] {
    return Array.from(this.#jobs.values(), (job) => job.status)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#jobs.values(), (job) => job[Symbol.asyncDispose]()))
  }
}
