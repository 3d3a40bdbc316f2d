import { describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { parseRepository, parseTag, type Reference } from '../../src/oci/reference.ts'
import { BreakerSource } from '../../src/upstream/breaker.ts'
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

sourceContract('the breaker', (hub) => {
  const opened = openClient(hub)
  return {
    source: new BreakerSource(opened.client, {
      upstream: 'hub.test',
      endpoint: 'hub.test',
      clock: systemClock,
    }),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
})

async function start() {
  const hub = await startFakeHub({ auth: 'none' })
  hub.add(repository, '1', image)
  const clock = new FakeClock()
  const opened = openClient(hub)
  const states: string[] = []
  const breaker = new BreakerSource(opened.client, {
    upstream: 'hub.test',
    endpoint: 'hub.test',
    clock,
    maxPauseMs: 3_000,
    events: {
      breakerChanged: ({ state }) => states.push(state),
      upstreamAnswered: () => undefined,
      bytesFetched: () => undefined,
    },
  })
  return {
    hub,
    clock,
    breaker,
    states,
    ask: () => breaker.manifest(ref, { signal }),
    [Symbol.asyncDispose]: async () => {
      await opened[Symbol.asyncDispose]()
      await hub[Symbol.asyncDispose]()
    },
  }
}

/** Started, and opened by three failures. */
async function startOpen() {
  const setup = await start()
  const down = setup.hub.fault({}, { kind: 'answer', status: 502 })
  for (let count = 0; count < 3; count++) await caught(setup.ask())
  setup.hub.forgetRequests()
  return { ...setup, down }
}

describe('the breaker', () => {
  it('opens after failures in a row, and then fails at once', async () => {
    await using setup = await startOpen()
    const { hub, breaker, ask, states, clock } = setup
    expect(breaker.state()).toBe('open')
    clock.advance(400)
    const error = await caught(ask())
    expect(error).toMatchObject({ kind: 'server', upstream: 'hub.test', retryAfterMs: 600 })
    expect((error as Error).message).toContain('502')
    expect((error as Error).cause).toMatchObject({ status: 502 })
    expect(await caught(breaker.tags(repository, {}, { signal }))).toMatchObject({ kind: 'server' })
    expect(hub.requests).toEqual([])
    expect(states).toEqual(['open'])
  })

  it('counts failures in a row only', async () => {
    await using setup = await start()
    const { hub, breaker, ask } = setup
    hub.fault({ times: 2 }, { kind: 'hang-up' })
    for (let count = 0; count < 2; count++) await caught(ask())
    await ask()
    hub.fault({ times: 2 }, { kind: 'hang-up' })
    for (let count = 0; count < 2; count++) await caught(ask())
    expect(breaker.state()).toBe('closed')
  })

  it.each([
    ['absence', undefined],
    ['a limit of all requests', { kind: 'answer', status: 429 }],
    [
      'a limit of pulls',
      { kind: 'answer', status: 429, headers: { 'ratelimit-remaining': '0;w=9' } },
    ],
    ['what is denied', { kind: 'answer', status: 403 }],
    ['wrong bytes', { kind: 'flip', atByte: 1 }],
  ] as const)('stays closed at %s', async (_, fault) => {
    await using setup = await start()
    const { hub, breaker, ask } = setup
    if (fault) hub.fault({}, fault)
    else hub.untag(repository, '1')
    for (let count = 0; count < 5; count++) await ask().catch(() => undefined)
    expect(hub.requests).toHaveLength(5)
    expect(breaker.state()).toBe('closed')
  })

  it('stays closed at a range outside of a blob', async () => {
    await using setup = await start()
    const [digest = digestOf(Buffer.of())] = image.blobs.keys()
    for (let count = 0; count < 5; count++) {
      await caught(setup.breaker.blob(repository, digest, { range: { first: 1e9 }, signal }))
    }
    expect(setup.breaker.state()).toBe('closed')
  })

  it('closes when one probe succeeds', async () => {
    await using setup = await startOpen()
    const { hub, clock, breaker, ask, states, down } = setup
    clock.advance(1_000)
    expect(breaker.state()).toBe('half-open')
    down.remove()
    const held = hub.fault({}, { kind: 'hold' })
    const probe = ask()
    await held.held()
    expect(await caught(ask())).toMatchObject({ kind: 'server', retryAfterMs: 1_000 })
    expect(hub.requests).toHaveLength(1)
    held.remove()
    expect(await probe).toBeDefined()
    expect(breaker.state()).toBe('closed')
    expect(await ask()).toBeDefined()
    expect(states).toEqual(['open', 'half-open', 'closed'])
  })

  it('stays open, twice as long each time, when the probe fails', async () => {
    await using setup = await startOpen()
    const { hub, clock, breaker, ask } = setup
    clock.advance(1_000)
    for (const pauseMs of [2_000, 3_000, 3_000]) {
      await caught(ask())
      expect(breaker.state()).toBe('open')
      clock.advance(pauseMs - 1)
      expect(breaker.state()).toBe('open')
      clock.advance(1)
      expect(breaker.state()).toBe('half-open')
    }
    expect(hub.requests).toHaveLength(3)
  })

  it('lets another question probe when the asker of the first has left', async () => {
    await using setup = await startOpen()
    const { hub, clock, breaker, down } = setup
    clock.advance(1_000)
    down.remove()
    const held = hub.fault({}, { kind: 'hold' })
    const leaving = new AbortController()
    const probe = caught(breaker.manifest(ref, { signal: leaving.signal }))
    await held.held()
    leaving.abort(new Error('gone'))
    expect(await probe).toBe(leaving.signal.reason)
    expect(breaker.state()).toBe('half-open')
    held.remove()
    expect(await setup.ask()).toBeDefined()
    expect(breaker.state()).toBe('closed')
  })

  it('is not kept open longer by questions that were under way when it opened', async () => {
    await using setup = await start()
    const { hub, clock, breaker, ask } = setup
    const held = hub.fault({ method: 'HEAD' }, { kind: 'hold' })
    hub.fault({}, { kind: 'answer', status: 500 })
    const late = caught(breaker.resolve(ref, { signal }))
    await held.held()
    for (let count = 0; count < 3; count++) await caught(ask())
    clock.advance(500)
    held.release()
    await late
    clock.advance(500)
    expect(breaker.state()).toBe('half-open')
  })
})
