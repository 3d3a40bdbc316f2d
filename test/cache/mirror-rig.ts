import { join } from 'node:path'
import { pino } from 'pino'
import { Eviction } from '../../src/cache/evict.ts'
import { Fills } from '../../src/cache/fills.ts'
import { Freezes } from '../../src/cache/freezes.ts'
import { GuardedSpools } from '../../src/cache/guarded-spools.ts'
import { Holdings } from '../../src/cache/holdings.ts'
import { Leases } from '../../src/cache/leases.ts'
import { Mirror } from '../../src/cache/mirror.ts'
import { Pins } from '../../src/cache/pins.ts'
import type { SpaceLimits } from '../../src/cache/shortage.ts'
import { Space } from '../../src/cache/space.ts'
import { TagControl } from '../../src/cache/tag-control.ts'
import type { TagPolicy } from '../../src/cache/tag-freshness.ts'
import { Uses } from '../../src/cache/uses.ts'
import type { Inventory } from '../../src/inventory/inventory.ts'
import { openSqliteInventory } from '../../src/inventory/sqlite.ts'
import type { Digest } from '../../src/oci/digest.ts'
import {
  parseRepository,
  parseTag,
  type Reference,
  type TagReference,
} from '../../src/oci/reference.ts'
import type { Source } from '../../src/oci/source.ts'
import type { BlobStore } from '../../src/store/blob-store.ts'
import { DiskReserve } from '../../src/store/disk-reserve.ts'
import { diskSpace, type DiskSpace } from '../../src/store/disk-space.ts'
import { oneLayer, type StoreLayers } from '../../src/store/layers.ts'
import type { Quarantine } from '../../src/store/quarantine.ts'
import { Events } from '../../src/telemetry/events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import type { Clock } from '../../src/util/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { fileStore, type TestFileStore } from '../support/file-store.ts'
import { ScriptedSource } from '../support/scripted-source.ts'
import { stepped, type Steps } from '../support/stepped.ts'
import type { TestImage } from '../support/images.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/turns.ts'
import { WatchedSpools } from '../support/watched-spools.ts'
import { drained } from './fill-rig.ts'

export const demo = parseRepository('library/demo')!
export const never = new AbortController().signal

export const POLICY: TagPolicy = {
  freshForMs: 300_000,
  staleForMs: 86_400_000,
  absentForMs: 60_000,
  onAbsent: 'drop',
  refreshAhead: false,
  holdMs: 0,
  holdExcept: [],
}

const MIB = 1024 ** 2
const TIB = 1024 ** 4
const YEAR_MS = 365 * 86_400_000

const LIMITS: SpaceLimits = {
  maxBytes: TIB,
  highWatermark: 0.95,
  lowWatermark: 0.85,
  minFreeBytes: 0,
  isOnDisk: true,
}

export interface MirrorRigOptions {
  /** A data folder that is kept; a new one that goes with the rig where left out. */
  folder?: string
  clock?: Clock
  isPublic?: boolean
  isLow?: () => boolean
  limits?: Partial<SpaceLimits>
  ttlMs?: number
  pins?: string[]
  /** Puts something in front of the files. */
  front?: (files: TestFileStore) => BlobStore & Quarantine & { layers: StoreLayers }
  /** Asks the real file system of the folder instead of `disk`. */
  disk?: 'real'
  policy?: Partial<TagPolicy>
}

/** A mirror on a data folder, as the daemon composes it, in whose parts a test can step. */
export interface MirrorRig extends AsyncDisposable {
  folder: string
  mirror: Mirror
  tagControl: TagControl
  holdings: Holdings
  leases: Leases
  space: Space
  pins: Pins
  eviction: Eviction
  /** With its steps. */
  store: BlobStore & Quarantine
  layers: StoreLayers
  /** Without steps. */
  files: TestFileStore
  /** What the file system says of itself. */
  disk: DiskSpace
  fills: Fills
  uses: Uses
  events: Events
  inventory: Inventory
  spools: WatchedSpools
  storeSteps: Steps<BlobStore & Quarantine>
  inventorySteps: Steps<Inventory>
  holdingsSteps: Steps<Holdings>
  /** Names of the events so far, of all or of one kind. */
  logged: (message?: string) => string[]
}

export async function mirrorOn(source: Source, options: MirrorRigOptions = {}): Promise<MirrorRig> {
  const { clock = new FakeClock(), isPublic = true, isLow = () => false, policy = {} } = options
  await using parts = new AsyncDisposableStack()
  const folder = options.folder ?? parts.use(await temporaryFolder()).path
  const files = parts.use(await fileStore(folder))
  const messages: string[] = []
  const write = (line: string) => void messages.push((JSON.parse(line) as { msg: string }).msg)
  const events = new Events(pino({ level: 'debug' }, { write }), new Metrics())
  const storeSteps: Steps<BlobStore & Quarantine> = {}
  const inventorySteps: Steps<Inventory> = {}
  const front = options.front?.(files)
  const store = stepped<BlobStore & Quarantine>(front ?? files.store, storeSteps)
  const opened = parts.use(await openSqliteInventory(join(folder, 'inventory.db')))
  const inventory = stepped(opened, inventorySteps)
  const disk = { freeBytes: TIB, totalBytes: TIB }
  const space = new Space({
    limits: { ...LIMITS, ...options.limits },
    inventory,
    disk: () => (options.disk === 'real' ? diskSpace(folder) : Promise.resolve({ ...disk })),
    reserve: new DiskReserve(join(folder, 'reserve'), MIB),
    fills: () => fills.list(),
    clock,
    events,
  })
  const watched = new WatchedSpools(files.spools)
  const spools = new GuardedSpools(watched, space)
  const pins = await Pins.open({ inventory, clock, configured: options.pins ?? [] })
  const leases = new Leases()
  const holdingsSteps: Steps<Holdings> = {}
  const layers = front?.layers ?? oneLayer(store)
  const kept = new Holdings({ store, layers, inventory, spools, leases, clock, events })
  const holdings = stepped(kept, holdingsSteps)
  const uses = parts.use(new Uses({ inventory, clock, events }))
  const fills = new Fills({
    spools,
    clock,
    events,
    admit: (sizeBytes) => space.admit(sizeBytes),
    commit: (...blob) => space.watchPut(holdings.keepBlob(...blob)),
    giveUpAfterMs: 120_000,
  })
  const { ttlMs = YEAR_MS } = options
  const eviction = parts.use(
    new Eviction({ inventory, holdings, leases, uses, fills, pins, space, ttlMs, clock, events }),
  )
  const tags = { ...POLICY, ...policy }
  const registry = 'docker.io'
  const freezes = await Freezes.open(opened)
  const mirror = parts.use(
    new Mirror({
      registry,
      source,
      isPublic,
      isLow,
      holdings,
      fills,
      uses,
      tags,
      clock,
      events,
      freezes,
    }),
  )
  const mirrors = new Map([[registry, mirror]])
  const tagControl = new TagControl({ inventory, holdings, freezes, mirrors, clock, events })
  parts.use(fills)
  const running = parts.move()
  return {
    folder,
    mirror,
    tagControl,
    holdings,
    leases,
    space,
    pins,
    eviction,
    store,
    layers,
    files,
    disk,
    fills,
    uses,
    events,
    inventory: opened,
    spools: watched,
    storeSteps,
    inventorySteps,
    holdingsSteps,
    logged: (message) => (message ? messages.filter((one) => one === message) : messages),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  }
}

export function tagged(tag: string, repository = demo): TagReference {
  return { kind: 'tag', repository, tag: parseTag(tag)! }
}

export function byDigest(digest: Digest, repository = demo): Reference & { kind: 'digest' } {
  return { kind: 'digest', repository, digest }
}

/** A source that answers as an upstream client does. */
export function upstreamSource(): ScriptedSource {
  const source = new ScriptedSource()
  source.outcome = 'bypass'
  return source
}

/** Pulls every blob of the image and waits until they are kept, and the manifests pulled before. */
export async function pullBlobs({ mirror, fills }: MirrorRig, image: TestImage): Promise<void> {
  for (const digest of image.blobs.keys()) {
    const blob = await mirror.blob(demo, digest, { signal: never })
    await drained(blob!.body)
  }
  await until('the fills have ended', () => fills.list().length === 0)
  await mirror.settled()
}
