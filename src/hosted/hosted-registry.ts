import type { Inventory } from '../inventory/inventory.ts'
import type { Repository } from '../oci/reference.ts'
import type { Page, Source } from '../oci/source.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import { KeyedLock } from '../util/keyed-lock.ts'
import type { ContentKeeper, UseRecorder } from './content-keeper.ts'
import { Garbage } from './garbage.ts'
import type { UntaggedPolicy } from './repository-garbage.ts'
import { HostedSource } from './hosted-source.ts'
import { HostedManifests } from './manifests.ts'
import { Quota } from './quota.ts'
import { Retention, type RetentionRule } from './retention.ts'
import { Rollback } from './rollback.ts'
import { HostedTags } from './tags.ts'
import { Uploads, type UploadSpools } from './uploads.ts'

export interface HostedRegistryOptions {
  /** What the inventory, and image names, have in front of the repositories. */
  registry: string
  inventory: Inventory
  keeper: ContentKeeper
  uses: UseRecorder
  spools: UploadSpools
  maxBlobBytes: number
  allowSparse: boolean
  /** How much a repository may have; `undefined` where there is no limit. */
  quotaBytes: number | undefined
  immutable: readonly string[]
  gracePeriodMs: number
  untagged: UntaggedPolicy
  retention: readonly RetentionRule[]
  clock: Clock
  events: Events
}

/** The writable namespace: what clients push is kept here alone, and served to whoever may pull it. */
export class HostedRegistry {
  readonly registry: string
  readonly source: Source
  readonly uploads: Uploads
  readonly manifests: HostedManifests
  readonly garbage: Garbage
  readonly rollback: Rollback
  readonly #inventory: Inventory

  constructor(options: HostedRegistryOptions) {
    const { registry, inventory } = options
    this.registry = registry
    this.#inventory = inventory
    this.source = new HostedSource(options)
    const quota = new Quota(options)
    this.uploads = new Uploads({ ...options, quota })
    const locks = new KeyedLock<Repository>()
    const tags = new HostedTags(options)
    this.manifests = new HostedManifests({ ...options, locks, tags, quota })
    const retention = new Retention(options.retention)
    this.garbage = new Garbage({ ...options, locks, tags, retention })
    this.rollback = new Rollback({ ...options, locks, tags })
  }

  /** A page of the repositories that have manifests, in lexical order, as they are named here. */
  async repositories({ limit = 1000, after = '' }: Page): Promise<Repository[]> {
    return this.#inventory.repositories({ registry: this.registry, kind: 'manifest', after, limit })
  }
}
