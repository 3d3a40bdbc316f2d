import type { Inventory } from '../inventory/inventory.ts'
import type { Events } from '../telemetry/events.ts'
import type { Eviction } from './evict.ts'
import type { Holdings } from './holdings.ts'
import type {
  JobStatus,
  Operations,
  Progress,
  Removal,
  ScrubSummary,
  SweepSummary,
} from './operations.ts'
import { namedOf, type Pins } from './pins.ts'
import { platformsOf } from './platforms.ts'
import { purge } from './purge.ts'
import type { Sweep } from './sweep.ts'
import type { Warm } from './warm.ts'

/** Who waits for a run of a job, which goes on without it. */
interface RunListener {
  progress: (progress: Progress) => void
  signal: AbortSignal
}

/** What is done by schedule. Each runs now, or the run under way is joined. */
export interface UpkeepJobs {
  evict(listener: RunListener): Promise<Removal>
  scrub(listener: RunListener): Promise<ScrubSummary>
  sweep(listener: RunListener): Promise<SweepSummary>
  status(): JobStatus[]
}

export interface MirrorOperationsOptions {
  inventory: Inventory
  holdings: Holdings
  pins: Pins
  eviction: Eviction
  sweep: Sweep
  warm: Pick<Warm, 'run'>
  jobs: UpkeepJobs
  /** See PurgeOptions. */
  publicRegistries: ReadonlySet<string>
  events: Events
}

/** What operators may ask, done by the parts of the mirror. */
export function mirrorOperations(options: MirrorOperationsOptions): Operations {
  const { inventory, holdings, pins, eviction, sweep, warm, jobs } = options
  return {
    repositories: (query) => inventory.repositorySummaries(query),
    async images(query) {
      const images = await inventory.images(query)
      return images.map((image) => ({ ...image, isPinned: pins.isPinned(namedOf(image)) }))
    },
    platforms: (digest) => platformsOf(holdings, digest),
    evict: (request, listener) =>
      request.isDryRun || request.toBytes !== undefined
        ? eviction.run(request, listener)
        : jobs.evict(listener),
    purge: (target, listener) => purge(options, target, listener),
    pins: () => pins.list(),
    pin: (pattern) => pins.add(pattern),
    unpin: (pattern) => pins.remove(pattern),
    scrub: (listener) => jobs.scrub(listener),
    sweep: (isDryRun, listener) => (isDryRun ? sweep.preview(listener) : jobs.sweep(listener)),
    warm: (request, listener) => warm.run(request, listener),
    jobs: () => jobs.status(),
  }
}
