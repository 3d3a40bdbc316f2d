import { describe, expect, it } from 'vitest'
import { parseRepository, parseTag, type Reference } from '../../src/oci/reference.ts'
import { AbuseLimitSource } from '../../src/upstream/abuse-limit.ts'
import { systemClock } from '../../src/util/clock.ts'
import { sourceContract } from '../contract/source-contract.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { startFakeHub } from '../support/fake-hub/fake-hub.ts'
import { buildImage } from '../support/images.ts'
import { openClient } from '../support/upstream-client.ts'

const signal = new AbortController().signal
const repository = parseRepository('library/demo')!
const ref: Reference = { kind: 'tag', repository, tag: parseTag('1')! }
const image = await buildImage()
const [digest] = [...image.blobs.keys()] as [never]
const place = { upstream: 'hub.test', endpoint: 'hub.test' }
const bare = { kind: 'answer', status: 429 } as const

sourceContract('the abuse limit', (hub) => {
  const opened = openClient(hub)
  return {
    source: new AbuseLimitSource(opened.client, { ...place, clock: systemClock }),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
})

/** All waits are cut by half of what they may be: 5 s, 10 s, 20 s, and no longer. */
async function start() {
  const hub = await startFakeHub({ auth: 'none' })
  hub.add(repository, '1', image)
  const clock = new FakeClock()
  const opened = openClient(hub, { clock })
  const limits = { pauseMs: 10_000, maxPauseMs: 40_000, random: () => 1 }
  const source = new AbuseLimitSource(opened.client, { ...place, ...limits, clock })
  return {
    hub,
    clock,
    source,
    ask: () => source.manifest(ref, { signal }),
    leftMs: () => (source.untilMs === undefined ? 0 : source.untilMs - clock.now()),
    [Symbol.asyncDispose]: async () => {
      await opened[Symbol.asyncDispose]()
      await hub[Symbol.asyncDispose]()
    },
  }
}

describe('the abuse limit', () => {
  it('holds every question back after one bare 429', async () => {
    await using setup = await start()
    const { hub, clock, source } = setup
    hub.fault({ times: 1 }, bare)
    await caught(setup.ask())
    clock.advance(4_999)
    for (const ask of [
      () => source.manifest(ref, { signal }),
      () => source.resolve(ref, { signal }),
      () => source.tags(repository, {}, { signal }),
      () => source.blob(repository, digest, { signal }),
      () => source.statBlob(repository, digest, { signal }),
    ]) {
      expect(await caught(ask())).toMatchObject({ kind: 'abuse-limited', retryAfterMs: 1 })
    }
    expect(hub.requests).toHaveLength(1)
    clock.advance(1)
    expect(await setup.ask()).toBeDefined()
    expect(setup.leftMs()).toBe(0)
  })

  it('waits twice as long after each refusal more, up to a bound', async () => {
    await using setup = await start()
    const { hub, clock, ask, leftMs } = setup
    hub.fault({}, bare)
    for (const waitMs of [5_000, 10_000, 20_000, 20_000]) {
      await caught(ask())
      expect(leftMs()).toBe(waitMs)
      clock.advance(waitMs)
    }
    expect(hub.requests).toHaveLength(4)
  })

  it.each([
    ['90', 90_000],
    ['99999999', 3_600_000],
  ])('waits as Retry-After asks, though no longer than an hour: %s s', async (seconds, waitMs) => {
    await using setup = await start()
    setup.hub.fault({}, { ...bare, headers: { 'retry-after': seconds } })
    await caught(setup.ask())
    expect(setup.leftMs()).toBe(waitMs)
  })

  it('is not over because of an answer to what was asked before it', async () => {
    await using setup = await start()
    const { hub, source, leftMs } = setup
    const held = hub.fault({ method: 'HEAD' }, { kind: 'hold' })
    hub.fault({ method: 'GET' }, bare)
    const early = source.resolve(ref, { signal })
    await held.held()
    await caught(setup.ask())
    held.remove()
    expect(await early).toBeDefined()
    expect(leftMs()).toBe(5_000)
    expect(await caught(setup.ask())).toMatchObject({ kind: 'abuse-limited' })
    expect(hub.count({ status: 429 })).toBe(1)
  })

  it('lets one question through when the wait is over', async () => {
    await using setup = await start()
    const { hub, clock, ask } = setup
    const limited = hub.fault({}, bare)
    await caught(ask())
    clock.advance(5_000)
    limited.remove()
    const held = hub.fault({}, { kind: 'hold' })
    const probe = ask()
    await held.held()
    expect(await caught(ask())).toMatchObject({ kind: 'abuse-limited', retryAfterMs: 1_000 })
    held.remove()
    await probe
    expect(await ask()).toBeDefined()
  })

  it.each([
    ['a limit of pulls', { ...bare, headers: { 'ratelimit-remaining': '0;w=21600' } }],
    ['a failure', { kind: 'answer', status: 503 }],
    ['a cut', { kind: 'hang-up' }],
  ] as const)('is not taken for reached at %s', async (_, fault) => {
    await using setup = await start()
    setup.hub.fault({ times: 1 }, fault)
    await caught(setup.ask())
    expect(await setup.ask()).toBeDefined()
  })
})
