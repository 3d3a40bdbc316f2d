import { describe, expect, it } from 'vitest'
import { parseRepository, parseTag, type Reference } from '../../src/oci/reference.ts'
import { RetrySource } from '../../src/upstream/retry.ts'
import { systemClock } from '../../src/util/clock.ts'
import { sourceContract } from '../contract/source-contract.ts'
import { caught } from '../support/caught.ts'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { startFakeHub } from '../support/fake-hub/fake-hub.ts'
import { buildImage } from '../support/images.ts'
import { openClient } from '../support/upstream-client.ts'

const signal = new AbortController().signal
const repository = parseRepository('library/demo')!
const ref: Reference = { kind: 'tag', repository, tag: parseTag('1')! }
const image = await buildImage()

sourceContract('retry', (hub) => {
  const opened = openClient(hub)
  return {
    source: new RetrySource(opened.client, { clock: systemClock, random: () => 0 }),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
})

async function start() {
  const hub = await startFakeHub({ auth: 'none' })
  hub.add(repository, '1', image)
  const clock = new FakeClock()
  const opened = openClient(hub)
  const options = { clock, baseMs: 100, random: () => 1 }
  const source = new RetrySource(opened.client, options)
  return {
    hub,
    clock,
    source,
    [Symbol.asyncDispose]: async () => {
      await opened[Symbol.asyncDispose]()
      await hub[Symbol.asyncDispose]()
    },
  }
}

describe('retry', () => {
  it.each([
    ['a server error', { kind: 'answer', status: 503 }],
    ['a connection that breaks', { kind: 'hang-up' }],
  ] as const)('asks again after %s, each time after a longer pause', async (_, fault) => {
    await using setup = await start()
    const { hub, clock, source } = setup
    hub.fault({ times: 2 }, fault)
    const asked = source.manifest(ref, { signal })
    await eventually('the first pause', () => clock.sleeping)
    clock.advance(99)
    expect(clock.sleeping).toBe(1)
    clock.advance(1)
    await eventually('the second pause', () => hub.requests.length === 2 && clock.sleeping)
    clock.advance(199)
    expect(clock.sleeping).toBe(1)
    clock.advance(1)
    expect(await asked).toBeDefined()
    expect(hub.requests).toHaveLength(3)
  })

  it('gives up after three attempts with the last error', async () => {
    await using setup = await start()
    const { hub, clock, source } = setup
    hub.fault({}, { kind: 'answer', status: 500 })
    const asked = caught(source.manifest(ref, { signal }))
    for (const count of [1, 2]) {
      await eventually('a pause', () => hub.requests.length === count && clock.sleeping)
      clock.advance(1000)
    }
    expect(await asked).toMatchObject({ kind: 'server', status: 500 })
    expect(hub.requests).toHaveLength(3)
  })

  it('waits for a short Retry-After, of a rate limit too', async () => {
    await using setup = await start()
    const { hub, clock, source } = setup
    hub.fault(
      { times: 1 },
      { kind: 'answer', status: 429, headers: { 'retry-after': '2', 'ratelimit-remaining': '0' } },
    )
    const asked = source.manifest(ref, { signal })
    await eventually('a pause', () => clock.sleeping)
    clock.advance(1999)
    expect(clock.sleeping).toBe(1)
    clock.advance(1)
    expect(await asked).toBeDefined()
  })

  it.each([
    ['a long Retry-After', { kind: 'answer', status: 503, headers: { 'retry-after': '4' } }],
    [
      'a rate limit without Retry-After',
      { kind: 'answer', status: 429, headers: { 'ratelimit-remaining': '0' } },
    ],
    ['a limit of all requests', { kind: 'answer', status: 429, headers: { 'retry-after': '1' } }],
    ['what is denied', { kind: 'answer', status: 403 }],
    ['what is wrong', { kind: 'flip', atByte: 1 }],
  ] as const)('does not ask again after %s', async (_, fault) => {
    await using setup = await start()
    const { hub, source } = setup
    hub.fault({}, fault)
    expect(await caught(source.manifest(ref, { signal }))).toMatchObject({ name: 'UpstreamError' })
    expect(hub.requests).toHaveLength(1)
  })

  it('does not ask again when the first attempt took long', async () => {
    await using setup = await start()
    const { hub, clock, source } = setup
    const slow = hub.fault({}, { kind: 'hold' })
    hub.fault({}, { kind: 'answer', status: 504 })
    const asked = caught(source.manifest(ref, { signal }))
    await slow.held()
    clock.advance(5_000)
    slow.release()
    expect(await asked).toMatchObject({ status: 504 })
    expect(hub.requests).toHaveLength(1)
  })

  it('ends a pause with the reason of the signal', async () => {
    await using setup = await start()
    const { hub, clock, source } = setup
    hub.fault({}, { kind: 'answer', status: 500 })
    const leaving = new AbortController()
    const asked = caught(source.manifest(ref, { signal: leaving.signal }))
    await eventually('a pause', () => clock.sleeping)
    leaving.abort(new Error('gone'))
    expect(await asked).toBe(leaving.signal.reason)
    expect(hub.requests).toHaveLength(1)
  })
})
