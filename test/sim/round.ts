import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { encodedOf, digestOf, type Digest } from '../../src/oci/digest.ts'
import type { Repository } from '../../src/oci/reference.ts'
import { abortable } from '../../src/util/abortable.ts'
import { bytesIn, statsOf } from '../support/blobs.ts'
import { Gate } from '../support/gate.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { Client } from './client.ts'
import { makeWorld, type World } from './content.ts'
import { Dice } from './dice.ts'
import { MirrorRun, type LogLine } from './mirror-run.ts'
import { Scheduler } from './scheduler.ts'
import { Upstream, type UpstreamFaults } from './upstream.ts'

/** Far more than a round takes; one that takes more hangs. */
const MAX_STEPS = 60_000
const START_MS = Date.UTC(2026, 0, 1)
const JUMPS_MS = [1000, 5000, 15_000]
/** When nothing is on its way, since nothing takes so long. */
const LONG_JUMPS_MS = [61_000, 301_000, 2 * 86_400_000]

/** What may happen in a round. */
export interface Plan {
  clients: number
  isPublic: boolean
  upstreamFaults: UpstreamFaults
  storeFaults: boolean
  /** Files vanish from the store. */
  damage: boolean
  /** The mirror is stopped, and killed. */
  restarts: boolean
}

type RunLog = Record<'started' | 'resumed', number>

/** Many clients at one mirror, with everything that can go wrong in the plan. */
export class Round {
  readonly dice: Dice
  readonly plan: Plan
  readonly scheduler: Scheduler
  readonly world: World
  readonly upstream: Upstream
  readonly #logs = new WeakMap<MirrorRun, RunLog>()
  readonly #commits = new Map<string, number>()
  readonly #finale = new Gate()
  /** Reads that wait for the finale; a client may have several. */
  readonly #crawling = new Set<{ client: Client }>()
  readonly #leaves = new Set<() => void>()
  #serving = new Gate()
  #folder = ''
  #run!: MirrorRun
  #unsettled = 0
  #isStopping = false
  #failure: { error: unknown } | undefined

  constructor(seed: number) {
    const dice = new Dice(seed)
    this.dice = dice
    this.plan = {
      clients: dice.int(2, 25),
      isPublic: dice.chance(0.5),
      upstreamFaults: dice.pick(['none', 'hitches', 'all', 'all']),
      storeFaults: dice.chance(0.4),
      damage: dice.chance(0.3),
      restarts: dice.chance(0.5),
    }
    this.scheduler = new Scheduler(dice)
    this.world = makeWorld(dice)
    const clock = () => this.#run?.clock ?? { now: () => START_MS, sleep: () => Promise.resolve() }
    const { world, scheduler } = this
    this.upstream = new Upstream({
      world,
      dice,
      scheduler,
      clock,
      faults: this.plan.upstreamFaults,
    })
  }

  /** Plays it to the end; throws what goes against the rules. */
  async play(): Promise<void> {
    await using folder = await temporaryFolder()
    this.#folder = folder.path
    await this.#start(START_MS)
    for (let index = 0; index < this.plan.clients; index++) this.#watch(new Client(this).act())
    await this.#step(() => this.#isCalm())
    // Whoever crawls has held up nobody: no fill has waited for them.
    this.#finale.open()
    await this.#step(() => this.#unsettled === 0 && !this.#isStopping)
    this.#isStopping = true
    this.#watch(this.#stop())
    await this.#step(() => this.#unsettled === 0)
    await this.#checkFolder()
  }

  /** The run that takes requests, as soon as there is one. */
  async serving(): Promise<MirrorRun> {
    await this.#serving.pass()
    return this.#run
  }

  /** A request begins, which `leave` cuts off when the mirror stops; call what is returned at its end. */
  begin(leave: () => void): () => void {
    this.#leaves.add(leave)
    return () => void this.#leaves.delete(leave)
  }

  /** Waits until everybody else is done. */
  async crawl(client: Client, signal: AbortSignal): Promise<void> {
    const run = this.#run
    const read = { client }
    this.#crawling.add(read)
    try {
      await run.answer(abortable(this.#finale.pass(), signal))
    } finally {
      this.#crawling.delete(read)
    }
  }

  isAbsent(repository: Repository, digest: Digest): boolean {
    return repository !== this.world.repositories[0] && this.world.exclusive.has(digest)
  }

  async #step(isOver: () => boolean): Promise<void> {
    const { scheduler, dice } = this
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      await scheduler.quiet()
      if (this.#failure) throw this.#failure.error
      if (isOver()) return
      if (dice.chance(0.03)) await this.#happen()
      else if (!scheduler.step()) this.#run.clock.advance(dice.int(100, 5000))
    }
    throw new Error(`hangs: ${this.#describe()}`)
  }

  #describe(): string {
    return JSON.stringify({
      unsettled: this.#unsettled,
      crawling: this.#crawling.size,
      isStopping: this.#isStopping,
      requests: this.#leaves.size,
      fills: this.#run.fills.list(),
      parked: this.scheduler.waiting(),
    })
  }

  #isCalm(): boolean {
    const crawlers = new Set([...this.#crawling].map(({ client }) => client))
    if (this.#unsettled > crawlers.size || this.#isStopping) return false
    return this.#run.fills.list().length === 0
  }

  async #happen(): Promise<void> {
    const { dice, plan, upstream } = this
    const events = [
      () => upstream.move(dice.pick(this.world.tags)),
      () => this.#run.clock.advance(dice.pick(this.#isIdle() ? LONG_JUMPS_MS : JUMPS_MS)),
    ]
    if (plan.upstreamFaults === 'all') events.push(() => upstream.toggleOutage())
    if (plan.storeFaults) {
      events.push(() => {
        this.#run.disk.isFull = !this.#run.disk.isFull
        this.#run.disk.failing = dice.pick([0, 0.3])
      })
    }
    if (plan.restarts && !this.#isStopping && dice.chance(0.2)) {
      if (dice.chance(0.5)) this.#watch(this.#restart())
      else await this.#kill()
      return
    }
    if (plan.damage && dice.chance(0.2)) await this.#damage()
    dice.pick(events)()
  }

  /**
   * Nothing is on its way from upstream, nor waits before it asks again. The uses sleep as well,
   * but for when they are written down.
   */
  #isIdle(): boolean {
    const { connection, fills, clock } = this.#run
    const onItsWay = connection.asking + connection.openBodies.size + fills.list().length
    return onItsWay === 0 && clock.sleeping <= 1 && !this.scheduler.waiting().includes('touch')
  }

  async #damage(): Promise<void> {
    const { store } = this.#run.files
    const stats = await statsOf(store)
    if (stats.length > 0) await store.delete([this.dice.pick(stats).digest])
  }

  async #start(startMs: number): Promise<void> {
    const { upstream, scheduler } = this
    const log: RunLog = { started: 0, resumed: 0 }
    this.#run = await MirrorRun.start({
      folder: this.#folder,
      upstream,
      scheduler,
      startMs,
      isPublic: this.plan.isPublic,
      onLog: (line) => this.#note(line, log),
    })
    this.#logs.set(this.#run, log)
    await this.#checkFolder()
    this.#serving.open()
  }

  /** As the daemon: no new requests, some time for those that are under way, then the end. */
  async #restart(): Promise<void> {
    this.#isStopping = true
    this.#serving = new Gate()
    const deadline = this.dice.int(0, 300)
    for (let turn = 0; turn < deadline && this.#leaves.size > 0; turn++) await this.#pause()
    for (const leave of this.#leaves) leave()
    while (this.#leaves.size > 0) await this.#pause()
    await this.#stop()
    await this.scheduler.turn(this, 'start', () => this.#start(this.#run.clock.now()))
    this.#isStopping = false
  }

  async #kill(): Promise<void> {
    const run = this.#run
    this.#checkRequests(run)
    await run.kill()
    await this.#start(run.clock.now())
    await run.disk.closeAll()
  }

  async #stop(): Promise<void> {
    const run = this.#run
    await run.stop()
    this.#checkRequests(run)
    const left = [run.disk.openFiles, run.connection.openBodies.size, run.clock.sleeping]
    if (left.some((count) => count > 0)) throw new Error(`left open: ${left.join(', ')}`)
    if (run.fills.list().length > 0) throw new Error('fills are left')
  }

  #pause(): Promise<void> {
    return this.scheduler.pause(this, 'restart')
  }

  /** Nothing that is half there can be seen, and everything that is on record. */
  async #checkFolder(): Promise<void> {
    const spools = await readdir(join(this.#folder, 'spool'))
    if (spools.length > 0) throw new Error(`spools are left: ${spools.join(', ')}`)
    const { store } = this.#run.files
    for (const stat of await statsOf(store)) {
      const bytes = await bytesIn(store, stat)
      if (bytes && digestOf(bytes) === stat.digest) continue
      throw new Error(`the store has wrong bytes of ${encodedOf(stat.digest)}`)
    }
    if (this.plan.damage || !this.#run.isAlive) return
    for (const content of await this.#run.inventory.contents(undefined, 1000)) {
      const stat = await store.stat(content.digest)
      if (stat?.sizeBytes !== content.sizeBytes) throw new Error(`${content.digest} was lost`)
    }
  }

  /** One GET a fill, and one more for each time it was resumed; never two of a blob at a time. */
  #checkRequests(run: MirrorRun): void {
    if (this.plan.storeFaults) return
    const { started, resumed } = this.#logs.get(run)!
    const gets = [...run.connection.gets.values()].reduce((sum, count) => sum + count, 0)
    if (gets !== started + resumed) {
      throw new Error(`${gets} GETs for ${started} fills that were resumed ${resumed} times`)
    }
    if (run.connection.mostOpen > 1) throw new Error('two GETs of one blob at a time')
  }

  #note({ msg, digest = '' }: LogLine, log: RunLog): void {
    if (msg === 'fill started') log.started++
    if (msg === 'fill resumed') log.resumed++
    const commits = this.#commits.get(digest) ?? 0
    if (msg === 'content lost') this.#commits.set(digest, commits - 1)
    if (msg !== 'fill committed') return
    this.#commits.set(digest, commits + 1)
    if (commits > 0 && !this.plan.storeFaults) this.#fail(new Error(`${digest} was fetched again`))
  }

  #watch(task: Promise<void>): void {
    this.#unsettled++
    task.catch((error: unknown) => this.#fail(error)).finally(() => this.#unsettled--)
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
  }
}
