import { join } from 'node:path'
import type { Config } from './config/schema.ts'
import type { GarbageSummary } from './hosted/garbage-finding.ts'
import type { HostedOperations } from './hosted/hosted-operations.ts'
import { HostedRegistry, type HostedRegistryOptions } from './hosted/hosted-registry.ts'
import type { Inventory } from './inventory/inventory.ts'
import type { Job, JobResult } from './jobs/job.ts'
import type { RunListener } from './jobs/scheduled-job.ts'
import type { RouteUpstream } from './policy/routes.ts'
import { UploadFolder } from './store/upload-folder.ts'

const GC_EVERY_MS = 60 * 60_000

export interface Hosting {
  hosted: HostedRegistry
  /** By which requests find it. */
  route: RouteUpstream
  uploads: UploadFolder
  /** What is done for it by schedule. */
  jobs: Job[]
}

/** The writable namespace of a configuration; `undefined` where it has none. */
export function openHosting(
  { data, hosted: options }: Config,
  parts: Pick<HostedRegistryOptions, 'inventory' | 'keeper' | 'uses' | 'clock' | 'events'>,
): Hosting | undefined {
  if (!options.enabled) return undefined
  const { prefix } = options
  const uploads = new UploadFolder(join(data, 'uploads'), parts.clock)
  const hosted = new HostedRegistry({ ...options, ...parts, registry: prefix, spools: uploads })
  const route = { name: prefix, prefix, hosts: [], isDefault: false, source: hosted.source }
  const gc: Job = {
    name: 'gc',
    everyMs: GC_EVERY_MS,
    first: 'when-due',
    run: async (signal, report) => ({ ...(await hosted.garbage.run(signal, report)) }),
  }
  return { hosted, route, uploads, jobs: [gc] }
}

/** Runs a job now, or joins the run under way. */
interface JobRunner {
  run(job: string, listener: RunListener): Promise<JobResult>
}

/** What operators may ask of it. */
export function hostedOperations({ hosted }: Hosting, jobs: JobRunner): HostedOperations {
  return {
    registry: hosted.registry,
    gc: async (isDryRun, listener) =>
      isDryRun ? hosted.garbage.preview(listener) : summaryOf(await jobs.run('gc', listener)),
    rollback: async (target, signal) =>
      target.repository.registry === hosted.registry
        ? hosted.rollback.run(target, signal)
        : undefined,
  }
}

function summaryOf(result: JobResult): GarbageSummary {
  const { tags = 0, manifests = 0, blobs = 0, freedContents = 0, freedBytes = 0 } = result
  return { tags, manifests, blobs, freedContents, freedBytes }
}

/** Patterns of what is never evicted: as configured, and all that was pushed. Throws InventoryError. */
export async function pinnedBy(
  { eviction, hosted: { enabled, prefix } }: Config,
  inventory: Pick<Inventory, 'repositories'>,
): Promise<string[]> {
  // It may be turned off for a while only, and nobody else has what was pushed.
  const query = { registry: prefix, kind: undefined, after: '', limit: 1 }
  const isPinned = enabled || (await inventory.repositories(query)).length > 0
  return isPinned ? [...eviction.pins, `${prefix}/**`] : eviction.pins
}
