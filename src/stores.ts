import { join } from 'node:path'
import type { SpaceLimits } from './cache/shortage.ts'
import type { Config } from './config/schema.ts'
import type { BlobStore } from './store/blob-store.ts'
import { CachedStore } from './store/cached-store.ts'
import type { DirectLinks } from './store/direct-links.ts'
import { diskSpace } from './store/disk-space.ts'
import { FileStore } from './store/file-store.ts'
import { oneLayer, type StoreLayers } from './store/layers.ts'
import type { Leftovers } from './store/leftovers.ts'
import type { Quarantine } from './store/quarantine.ts'
import { ReadCache, type ReadCacheStats } from './store/read-cache.ts'
import { SmallBlobs } from './store/small-blobs.ts'
import type { SpoolFolder } from './store/spool.ts'
import type { BreakerState } from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'
import type { Metrics } from './telemetry/metrics.ts'
import { StoreEvents } from './telemetry/store-events.ts'
import type { Clock } from './util/clock.ts'

export interface StoreParts {
  /** In the data folder. */
  spools: SpoolFolder
  clock: Clock
  logger: Logger
  metrics: Metrics
}

interface StoreStats {
  /** Whether S3 is asked; `null` where content is in files. */
  state: BreakerState | null
  /** `null` where there is none. */
  cache: (ReadCacheStats & { hits: number; misses: number }) | null
}

export interface OpenStore {
  store: BlobStore & Quarantine
  layers: StoreLayers
  /** Where clients may fetch content by themselves, if they are to. */
  links: DirectLinks | undefined
  /** Where a crash may have left something in it. */
  leftovers: Leftovers[]
  stats: () => StoreStats
}

const FILE_STATS: StoreStats = { state: null, cache: null }

/**
 * Opens the store of a configuration, which its owner disposes. Throws StoreError where it cannot
 * be used, and says why.
 */
export async function openStore(config: Config, parts: StoreParts): Promise<OpenStore> {
  if (config.store.type === 's3') return openS3(config, parts)
  const store = fileStoreIn(config.data)
  return {
    store,
    layers: oneLayer(store),
    links: undefined,
    leftovers: [],
    stats: () => FILE_STATS,
  }
}

/** The store whose files are in the data folder. */
export function fileStoreIn(data: string): FileStore {
  return filesIn(data, 'blobs')
}

async function openS3(config: Config, { clock, logger, metrics, spools }: StoreParts) {
  const { store: originals, bucket, uploads } = await openS3Store(config.store)
  const { S3Breaker } = await import('./store/s3-breaker.ts')
  const events = new StoreEvents(logger, metrics)
  const breaker = new S3Breaker(bucket.client, {
    clock,
    changed: (state, error) => events.breakerChanged({ state, error }),
  })
  const cache = await openReadCache(config, clock, events)
  const cached = cache && new CachedStore({ originals, cache, spools, events })
  const store = new SmallBlobs(cached ?? originals, cached?.layers ?? oneLayer(originals))
  return {
    store,
    layers: store.layers,
    links: config.store.redirect ? linksPast(cache, originals) : undefined,
    leftovers: [uploads],
    stats: () => ({
      state: breaker.state,
      cache: cache ? { ...cache.stats, ...events.copyReads() } : null,
    }),
  }
}

/** As openStore, for the bucket alone. */
export async function openS3Store(store: Config['store']) {
  const { bucket: name = '', prefix = '', region = 'us-east-1', endpoint, ca } = store
  // The SDK takes time and memory that only who uses S3 is to spend.
  const { S3Bucket } = await import('./store/s3-bucket.ts')
  const { S3Store } = await import('./store/s3-store.ts')
  const { Uploads } = await import('./store/s3-uploads.ts')
  const bucket = new S3Bucket({
    bucket: name,
    prefix,
    region,
    endpoint,
    forcePathStyle: store.forcePathStyle ?? false,
    credentials: store.accessKeyId &&
      store.secretAccessKey && {
        accessKeyId: store.accessKeyId.reveal(),
        secretAccessKey: store.secretAccessKey.reveal(),
      },
    ca: ca?.pem.reveal(),
  })
  try {
    await bucket.check()
    const uploads = new Uploads(bucket)
    return { store: new S3Store(bucket, uploads), bucket, uploads }
  } catch (error) {
    await bucket[Symbol.asyncDispose]()
    throw error
  }
}

async function openReadCache(
  { data, store, eviction }: Config,
  clock: Clock,
  events: StoreEvents,
): Promise<ReadCache | undefined> {
  if (!store.cache) return undefined
  return ReadCache.open({
    files: filesIn(data, 'read-cache'),
    maxBytes: store.cache.maxBytes,
    disk: () => diskSpace(data),
    minFreeBytes: eviction.minFreeBytes,
    clock,
    events,
  })
}

/** What there is a copy of is served from that. */
function linksPast(cache: ReadCache | undefined, links: DirectLinks): DirectLinks {
  return {
    link: (blob, ttlMs) =>
      cache?.has(blob.digest) ? Promise.resolve(undefined) : links.link(blob, ttlMs),
  }
}

function filesIn(data: string, folder: string): FileStore {
  return new FileStore({ blobs: join(data, folder), quarantine: join(data, 'quarantine') })
}

/** What content may take; the disk is nobody's limit where content is elsewhere. */
export function spaceLimits({ eviction, store }: Config): SpaceLimits {
  const isOnDisk = store.type === 'file'
  return { ...eviction, minFreeBytes: isOnDisk ? eviction.minFreeBytes : 0, isOnDisk }
}
