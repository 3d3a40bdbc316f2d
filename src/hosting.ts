import { join } from 'node:path'
import type { Config } from './config/schema.ts'
import { HostedRegistry, type HostedRegistryOptions } from './hosted/hosted-registry.ts'
import type { RouteUpstream } from './policy/routes.ts'
import { UploadFolder } from './store/upload-folder.ts'

export interface Hosting {
  hosted: HostedRegistry
  /** By which requests find it. */
  route: RouteUpstream
  uploads: UploadFolder
}

/** The writable namespace of a configuration; `undefined` where it has none. */
export function openHosting(
  { data, hosted: options }: Config,
  parts: Pick<HostedRegistryOptions, 'inventory' | 'keeper' | 'uses' | 'clock'>,
): Hosting | undefined {
  if (!options.enabled) return undefined
  const { prefix } = options
  const uploads = new UploadFolder(join(data, 'uploads'), parts.clock)
  const hosted = new HostedRegistry({ ...options, ...parts, registry: prefix, spools: uploads })
  const route = { name: prefix, prefix, hosts: [], isDefault: false, source: hosted.source }
  return { hosted, route, uploads }
}

/** Patterns of what is never evicted: as configured, and all that was pushed. */
export function pinnedBy({ eviction, hosted }: Config): string[] {
  return hosted.enabled ? [...eviction.pins, `${hosted.prefix}/**`] : eviction.pins
}
