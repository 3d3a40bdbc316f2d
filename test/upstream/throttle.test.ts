import { describe, expect, it } from 'vitest'
import { parseRepository, parseTag, type Reference } from '../../src/oci/reference.ts'
import { ThrottleSource } from '../../src/upstream/throttle.ts'
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

sourceContract('the throttle', (hub) => {
  const opened = openClient(hub)
  return {
    source: new ThrottleSource(opened.client, { clock: systemClock }),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
})

async function start() {
  const hub = await startFakeHub({ auth: 'none' })
  hub.add(repository, '1', image)
  const clock = new FakeClock()
  const opened = openClient(hub, { clock })
  return {
    hub,
    clock,
    source: new ThrottleSource(opened.client, { clock, maxWaitMs: 3_600_000 }),
    [Symbol.asyncDispose]: async () => {
      await opened[Symbol.asyncDispose]()
      await hub[Symbol.asyncDispose]()
    },
  }
}

describe('the throttle', () => {
  it.each([
    ['what Retry-After asks', { 'retry-after': '30' }, 30_000],
    ['60 s where there is none', {}, 60_000],
    ['no longer than an hour', { 'retry-after': '99999999' }, 3_600_000],
  ])('leaves upstream alone for %s', async (_, headers, waitMs) => {
    await using setup = await start()
    const { hub, clock, source } = setup
    const body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"pull limit"}]}'
    hub.fault({ times: 1 }, { kind: 'answer', status: 429, headers, body })
    await caught(source.manifest(ref, { signal }))
    clock.advance(waitMs - 1)
    const asks = [
      source.manifest(ref, { signal }),
      source.resolve(ref, { signal }),
      source.tags(repository, {}, { signal }),
    ]
    for (const error of await Promise.all(asks.map(caught))) {
      expect(error).toMatchObject({
        kind: 'rate-limited',
        status: 429,
        retryAfterMs: 1,
        message: expect.stringContaining('pull limit') as string,
      })
    }
    expect(hub.requests).toHaveLength(1)
    clock.advance(1)
    expect(await source.manifest(ref, { signal })).toBeDefined()
  })

  it('does not leave upstream alone for longer where the clock is put back', async () => {
    await using setup = await start()
    const { hub, clock, source } = setup
    const headers = { 'content-type': 'application/json' }
    hub.fault({ times: 1 }, { kind: 'answer', status: 429, headers })
    await caught(source.manifest(ref, { signal }))
    clock.putBack(1)
    expect(source.untilMs).toBeUndefined()
    expect(await source.manifest(ref, { signal })).toBeDefined()
  })

  it('lets blobs go on when it was no blob that was refused', async () => {
    await using setup = await start()
    const { hub, source } = setup
    hub.fault(
      { path: /manifests/ },
      { kind: 'answer', status: 429, headers: { 'ratelimit-remaining': '0' } },
    )
    await caught(source.manifest(ref, { signal }))
    expect(await source.statBlob(repository, digest, { signal })).toBeDefined()
  })

  it('holds everything back when it was a blob', async () => {
    await using setup = await start()
    const { hub, clock, source } = setup
    hub.fault(
      { times: 1 },
      { kind: 'answer', status: 429, headers: { 'ratelimit-remaining': '0' } },
    )
    await caught(source.blob(repository, digest, { signal }))
    for (const ask of [
      () => source.blob(repository, digest, { signal }),
      () => source.statBlob(repository, digest, { signal }),
      () => source.manifest(ref, { signal }),
    ]) {
      expect(await caught(ask())).toMatchObject({ kind: 'rate-limited' })
    }
    expect(hub.requests).toHaveLength(1)
    clock.advance(60_000)
    expect(await source.statBlob(repository, digest, { signal })).toBeDefined()
  })

  it('holds nothing back for other errors', async () => {
    await using setup = await start()
    const { hub, source } = setup
    hub.fault({ times: 1 }, { kind: 'answer', status: 503, headers: { 'retry-after': '30' } })
    await caught(source.manifest(ref, { signal }))
    expect(await source.manifest(ref, { signal })).toBeDefined()
  })
})
