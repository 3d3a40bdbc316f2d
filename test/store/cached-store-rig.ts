import { join } from 'node:path'
import { pino } from 'pino'
import { CachedStore } from '../../src/store/cached-store.ts'
import type { DiskSpace } from '../../src/store/disk-space.ts'
import { FileSpoolFolder } from '../../src/store/file-spool.ts'
import { FileStore } from '../../src/store/file-store.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { ReadCache } from '../../src/store/read-cache.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { StoreEvents } from '../../src/telemetry/store-events.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FaultPlan } from '../support/fault-plan.ts'
import {
  FaultSpoolFolder,
  FaultStore,
  type SpoolOperation,
  type StoreOperation,
} from '../support/fault-store.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

export interface CachedStoreRig extends AsyncDisposable {
  store: CachedStore
  cache: ReadCache
  /** Holds `blobs`, which are the copies, and `spool`. */
  folder: string
  files: FileStore
  /** What goes wrong with the originals, which are in memory. */
  originals: FaultPlan<StoreOperation>
  /** For who puts. */
  spools: FileSpoolFolder
  /** What goes wrong with the spools of copies. */
  copying: FaultPlan<SpoolOperation>
  clock: FakeClock
  disk: DiskSpace
  metrics: Metrics
  events: StoreEvents
  /** Messages so far. */
  lines: string[]
  /** The store as another process finds it. */
  again: () => Promise<CachedStoreRig>
}

export interface CachedStoreRigOptions {
  maxBytes?: number
  minFreeBytes?: number
}

const GIB = 1024 ** 3

/** A store in memory, with a read cache on the disk in front. */
export async function cachedStore(options: CachedStoreRigOptions = {}): Promise<CachedStoreRig> {
  const folder = await temporaryFolder()
  const rig = await rigIn(folder.path, new MemoryStore(), options)
  const dispose = async () => {
    await rig.store[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  }
  return { ...rig, [Symbol.asyncDispose]: dispose }
}

async function rigIn(
  folder: string,
  memory: MemoryStore,
  options: CachedStoreRigOptions,
): Promise<CachedStoreRig> {
  const lines: string[] = []
  const write = (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg)
  const metrics = new Metrics()
  const events = new StoreEvents(pino({ level: 'info' }, { write }), metrics)
  const files = new FileStore({ blobs: join(folder, 'blobs'), quarantine: join(folder, 'none') })
  const clock = new FakeClock()
  const disk = { freeBytes: GIB, totalBytes: GIB }
  const cache = await ReadCache.open({
    files,
    maxBytes: options.maxBytes ?? GIB,
    minFreeBytes: options.minFreeBytes ?? 0,
    disk: () => Promise.resolve({ ...disk }),
    clock,
    events,
  })
  const spools = new FileSpoolFolder(join(folder, 'spool'))
  await spools.clear()
  const originals = new FaultPlan<StoreOperation>()
  const copying = new FaultPlan<SpoolOperation>()
  const store = new CachedStore({
    originals: new FaultStore(memory, originals),
    cache,
    spools: new FaultSpoolFolder(spools, copying),
    events,
  })
  return {
    store,
    cache,
    folder,
    files,
    originals,
    spools,
    copying,
    clock,
    disk,
    metrics,
    events,
    lines,
    again: () => rigIn(folder, memory, options),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}
