import { expect } from 'vitest'
import { Freezes } from '../../src/cache/freezes.ts'
import { Mirror } from '../../src/cache/mirror.ts'
import { Uses } from '../../src/cache/uses.ts'
import type { Candidate, Inventory } from '../../src/inventory/inventory.ts'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import type { Repository } from '../../src/oci/reference.ts'
import type { BlobReader } from '../../src/store/blob-store.ts'
import { drained } from '../cache/fill-rig.ts'
import { byDigest, mirrorOn, never, POLICY, tagged, upstreamSource } from '../cache/mirror-rig.ts'
import type { MirrorRig } from '../cache/mirror-rig.ts'
import { sweepOf, swept } from '../cache/sweep-rig.ts'
import { putBytes } from '../support/blobs.ts'
import { candidateOf } from '../support/contents.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Gate } from '../support/gate.ts'
import { upstreamError } from '../support/scripted-source.ts'
import { stepped } from '../support/stepped.ts'
import { until } from '../support/turns.ts'
import type { Dice } from './dice.ts'
import { EvictionFacts } from './eviction-facts.ts'
import { evictionWorld, type WorldImage } from './eviction-world.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const LEASE_MS = 2 * MINUTE_MS
const TTL_MS = 10 * DAY_MS
const DISK_BYTES = 1_000_000
const LIMITS = {
  maxBytes: 150_000,
  highWatermark: 0.9,
  lowWatermark: 0.7,
  minFreeBytes: 40_000,
  isOnDisk: true,
}
const NOBODY = { progress: () => undefined, item: () => Promise.resolve(), signal: never }

interface OpenFill {
  digest: Digest
  gate: Gate
  reading: Promise<unknown>
}

/**
 * A mirror whose space is too small for the world, its clients, operators and mishaps. After each
 * pass it is checked what must hold whatever happened before.
 */
export class EvictionRound {
  readonly #dice: Dice
  readonly #folder: string
  readonly #world: WorldImage[]
  readonly #source = upstreamSource()
  readonly #clock = new FakeClock()
  #rig!: MirrorRig
  /** Pulls past the uses, so that looking changes nothing. */
  #observer!: Mirror
  #facts!: EvictionFacts
  #readers: { digest: Digest; reader: BlobReader }[] = []
  #fills: OpenFill[] = []
  readonly #filling = new Set<Digest>()
  #othersBytes = 0
  /** Manifests that are being kept, of which pulls do not wait for. */
  #keeping = 0
  evicted = 0

  /** The frequent ones several times. */
  readonly #actions: (() => Promise<void>)[] = [
    ...Array.from({ length: 4 }, () => () => this.#pull()),
    ...Array.from({ length: 3 }, () => () => this.#pass()),
    () => this.#pullPart(),
    () => this.#passAmongPulls(),
    () => this.#waitAWhile(),
    () => this.#pin(),
    () => this.#unpin(),
    () => this.#openReader(),
    () => this.#startFill(),
    () => this.#letGo(),
    () => this.#squeeze(),
    () => this.#restart(),
    () => this.#crash(),
    () => this.#crashInCommit(),
  ]

  constructor(dice: Dice, folder: string) {
    this.#dice = dice
    this.#folder = folder
    this.#world = evictionWorld(dice)
    for (const image of this.#world) this.#source.add(image.repository, image.tag, image)
  }

  async play(): Promise<void> {
    await this.#start()
    for (let step = 0; step < 50; step++) await this.#dice.pick(this.#actions)()
    await this.#letAllGo()
    await this.#pass()
    await this.#stop()
  }

  async #start(): Promise<void> {
    this.#rig = await mirrorOn(this.#source, {
      folder: this.#folder,
      clock: this.#clock,
      limits: LIMITS,
      ttlMs: TTL_MS,
    })
    this.#keeping = 0
    this.#rig.holdingsSteps.keepManifest = async (run) => {
      this.#keeping++
      return run().finally(() => this.#keeping--)
    }
    const { inventory, holdings, fills } = this.#rig
    const unrecorded = stepped<Inventory>(inventory, { touch: () => Promise.resolve() })
    const { events } = this.#rig
    const shared = { clock: this.#clock, events, holdings, fills }
    this.#observer = new Mirror({
      ...shared,
      registry: 'docker.io',
      source: this.#source,
      isPublic: true,
      isLow: () => false,
      uses: new Uses({ ...shared, inventory: unrecorded }),
      tags: POLICY,
      freezes: await Freezes.open(inventory),
    })
    this.#facts = new EvictionFacts(this.#world, inventory, this.#observer)
  }

  async #stop(): Promise<void> {
    await this.#observer[Symbol.asyncDispose]()
    await this.#rig[Symbol.asyncDispose]()
  }

  async #restart(): Promise<void> {
    await this.#letAllGo()
    await this.#stop()
    await this.#start()
    await this.#check()
  }

  /** Ends the process at some operation of a pass; what that had begun is done or not. */
  async #crash(): Promise<void> {
    await this.#letAllGo()
    let left = this.#dice.int(0, 40)
    let killed = false
    const dead = Promise.withResolvers<void>()
    const step = (run: () => Promise<unknown>): Promise<unknown> => {
      if (killed) return new Promise(() => undefined)
      if (left-- > 0) return run()
      killed = true
      const last = this.#dice.chance(0.5) ? run() : Promise.resolve()
      void last.then(() => dead.resolve())
      return new Promise(() => undefined)
    }
    for (const name of ['roots', 'evict', 'totals', 'touch'] as const) {
      this.#rig.inventorySteps[name] = step
    }
    this.#rig.storeSteps.delete = step
    const toBytes = this.#dice.chance(0.5) ? 0 : undefined
    const pass = this.#rig.eviction.run({ isDryRun: false, toBytes }, NOBODY)
    await Promise.race([pass, dead.promise])
    killed = true
    await this.#rig.inventory[Symbol.asyncDispose]()
    await this.#start()
    await this.#check()
  }

  /** Ends the process when bytes are in the store, and not on record; the next start sweeps. */
  async #crashInCommit(): Promise<void> {
    await this.#letAllGo()
    const { repository, tag, blobs, children } = this.#dice.pick(this.#world)
    await this.#rig.mirror.manifest(tagged(tag, repository), { signal: never })
    const last = this.#dice.pick([...blobs.keys()])
    for (const digest of [...children.keys(), ...blobs.keys()]) {
      if (digest === last) continue
      if (blobs.has(digest)) await this.#pullBlob(repository, digest)
      else await this.#rig.mirror.manifest(byDigest(digest, repository), { signal: never })
    }
    await until('manifests are kept', () => this.#keeping === 0)
    const { files, inventory } = this.#rig
    if (!(await inventory.held(last))) await putBytes(files.store, files.spools, blobs.get(last)!)
    await this.#stop()
    await this.#start()
    await swept({ sweep: sweepOf(this.#rig, this.#clock), clock: this.#clock })
    await this.#check()
  }

  /** An image by tag, then everything that it names; by an index one or all of its images. */
  async #pull(): Promise<void> {
    await this.#pullWhole(this.#dice.pick(this.#world))
    if (this.#dice.chance(0.5)) await this.#rig.uses.flush()
  }

  async #pullWhole({ repository, tag, root, children }: WorldImage): Promise<void> {
    await this.#rig.mirror.manifest(tagged(tag, repository), { signal: never })
    await this.#pullBelow(repository, root.digest, children)
    await until('manifests are kept', () => this.#keeping === 0)
  }

  async #pullBelow(
    repository: Repository,
    digest: Digest,
    children: Map<Digest, Digest[]>,
  ): Promise<void> {
    for (const child of this.#dice.chance(0.8) ? children.get(digest)! : []) {
      if (children.has(child)) {
        await this.#rig.mirror.manifest(byDigest(child, repository), { signal: never })
        await this.#pullBelow(repository, child, children)
      } else {
        await this.#pullBlob(repository, child)
      }
    }
  }

  async #pullBlob(repository: Repository, digest: Digest): Promise<void> {
    if (this.#fills.some((fill) => fill.digest === digest)) return
    const blob = await this.#rig.mirror.blob(repository, digest, { signal: never })
    const { bytes, error } = await drained(blob!.body)
    expect(error).toBeUndefined()
    expect(digestOf(bytes)).toBe(digest)
    await until('it is kept', () => this.#rig.fills.get(digest) === undefined)
  }

  /** As a client that has all the rest of the image. */
  async #pullPart(): Promise<void> {
    const { repository, blobs } = this.#dice.pick(this.#world)
    await this.#pullBlob(repository, this.#dice.pick([...blobs.keys()]))
  }

  async #waitAWhile(): Promise<void> {
    this.#clock.advance(this.#dice.pick([1, LEASE_MS, 70 * MINUTE_MS, DAY_MS, 4 * DAY_MS]))
    await this.#rig.uses.flush()
  }

  async #pin(): Promise<void> {
    const { repository, tag, root } = this.#dice.pick(this.#world)
    const name = `docker.io/${repository}`
    await this.#rig.pins.add(this.#dice.pick([name, `${name}:${tag}`, `${name}@${root.digest}`]))
  }

  async #unpin(): Promise<void> {
    for (const { pattern } of await this.#rig.inventory.pins()) await this.#rig.pins.remove(pattern)
  }

  async #openReader(): Promise<void> {
    const contents = await this.#rig.inventory.contents(undefined, 1_000)
    if (contents.length === 0) return
    const content = this.#dice.pick(contents)
    const reader = await this.#rig.holdings.open(content)
    this.#readers.push({ digest: content.digest, reader: reader! })
  }

  /** A fill that stops in the middle of a blob. */
  async #startFill(): Promise<void> {
    const { repository, tag, blobs } = this.#dice.pick(this.#world)
    const [digest, bytes] = this.#dice.pick([...blobs])
    const isBusy = this.#rig.fills.get(digest) ?? (await this.#rig.inventory.held(digest))
    if (isBusy || bytes.length < 1_000 || this.#rig.space.isFull) return
    await this.#rig.mirror.manifest(tagged(tag, repository), { signal: never })
    const gate = new Gate()
    this.#source.script({ hold: { at: 500, gate } })
    await until('the manifest is kept', () => this.#keeping === 0)
    const blob = await this.#rig.mirror.blob(repository, digest, { signal: never })
    this.#fills.push({ digest, gate, reading: drained(blob!.body) })
  }

  async #letGo(): Promise<void> {
    const reader = this.#readers.pop()
    await reader?.reader[Symbol.asyncDispose]()
    const fill = this.#fills.pop()
    fill?.gate.open()
    await fill?.reading
    await until('it has ended', () => !fill || this.#rig.fills.get(fill.digest) === undefined)
  }

  async #letAllGo(): Promise<void> {
    while (this.#readers.length > 0 || this.#fills.length > 0) await this.#letGo()
  }

  /** Others take of the disk, or give it back. */
  async #squeeze(): Promise<void> {
    this.#othersBytes = this.#dice.pick([0, 0, DISK_BYTES - 150_000, DISK_BYTES - 90_000])
    await this.#measureDisk()
  }

  async #measureDisk(): Promise<void> {
    const { bytes } = await this.#rig.inventory.totals()
    this.#rig.disk.totalBytes = DISK_BYTES
    this.#rig.disk.freeBytes = Math.max(0, DISK_BYTES - this.#othersBytes - bytes)
  }

  async #pass(): Promise<void> {
    const { inventory, eviction, space } = this.#rig
    await this.#measureDisk()
    const nowMs = this.#clock.now()
    const before = await this.#facts.wholeImages()
    const kept = await this.#untouchable(nowMs)
    const wanted = await space.shortage()
    const { bytes: heldBytes } = await inventory.totals()
    const removal = await eviction.run({ isDryRun: false, toBytes: undefined }, NOBODY)
    await this.#measureDisk()
    this.evicted += removal.images

    const { bytes } = await inventory.totals()
    expect(heldBytes - bytes).toBe(removal.bytes)
    const roots = await this.#facts.roots()
    const free = roots.filter((root) => !this.#mustStay(root, nowMs))
    expect(free.filter(({ usedAtMs }) => usedAtMs < nowMs - TTL_MS)).toEqual([])
    if (removal.bytes < (wanted?.bytes ?? 0)) expect(free).toEqual([])
    for (const digest of kept) expect(await inventory.held(digest)).toBeDefined()
    for (const { repository, digest } of await this.#facts.listed()) {
      const key = `${repository.name}@${digest}`
      if (before.has(key)) expect(await this.#facts.isWhole(digest)).toBe(true)
    }
    await this.#check()
  }

  /** Pulls and a pass at once: every pull succeeds, and nothing is listed that is not there. */
  async #passAmongPulls(): Promise<void> {
    await this.#measureDisk()
    const toBytes = this.#dice.pick([0, 50_000, undefined])
    await Promise.all([
      this.#rig.eviction.run({ isDryRun: false, toBytes }, NOBODY),
      this.#pullWhole(this.#dice.pick(this.#world)),
      this.#pullWhole(this.#dice.pick(this.#world)),
    ])
    await this.#check()
  }

  /** What holds at any time. */
  async #check(): Promise<void> {
    const { inventory, holdings } = this.#rig
    const contents = await inventory.contents(undefined, 10_000)
    const bytes = contents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    expect(await inventory.totals()).toMatchObject({ bytes, entries: contents.length })
    const held = new Set(contents.map(({ digest }) => digest))
    for (const content of contents) {
      await using reader = await holdings.open(content)
      expect(reader?.sizeBytes).toBe(content.sizeBytes)
      const named = this.#facts.parentsOf(content.digest).filter((parent) => held.has(parent))
      expect(await candidateOf(inventory, content)).toMatchObject({ parents: named.length })
    }
    for (const { reader } of this.#readers)
      expect(await reader.read(Buffer.alloc(10))).toBeDefined()
    await this.#expectWholePulls()
  }

  /** Everything below the roots that must stay, as far as it is held, and what is read. */
  async #untouchable(nowMs: number): Promise<Set<Digest>> {
    await this.#rig.uses.flush()
    await this.#findFilling()
    const kept = new Set(this.#readers.map(({ digest }) => digest))
    for (const root of await this.#facts.roots())
      if (this.#mustStay(root, nowMs)) kept.add(root.digest)
    return this.#facts.heldBelow(kept)
  }

  /** Everything that is listed as whole can be pulled whole while upstream is down. */
  async #expectWholePulls(): Promise<void> {
    const { before } = this.#source
    this.#source.before = () => Promise.reject(upstreamError('unreachable'))
    for (const { repository, digest, missingBytes } of await this.#facts.listed()) {
      if (missingBytes > 0) continue
      expect(await this.#facts.isPulled(repository.name, digest)).toBe(true)
    }
    this.#source.before = before
  }

  /**
   * Manifests a part of which is being filled, for what is certain: a use belongs to one of those
   * that name it in its repository.
   */
  async #findFilling(): Promise<void> {
    this.#filling.clear()
    for (const { digest, repository } of this.#rig.fills.list()) {
      const linked: Digest[] = []
      for (const parent of this.#facts.parentsOf(digest)) {
        if (await this.#rig.inventory.isLinked(parent, repository)) linked.push(parent)
      }
      if (linked.length === 1) this.#filling.add(linked[0]!)
    }
  }

  #mustStay(root: Candidate, nowMs: number): boolean {
    return (
      root.usedAtMs > nowMs - LEASE_MS ||
      this.#rig.pins.isPinned(root) ||
      this.#readers.some(({ digest }) => digest === root.digest) ||
      this.#filling.has(root.digest)
    )
  }
}
