import { beforeEach, describe, expect, it } from 'vitest'
import { parseRepository, parseTag } from '../../src/oci/reference.ts'
import type { UpstreamError, UpstreamErrorKind } from '../../src/oci/upstream-error.ts'
import { FailoverSource, toAnotherEndpoint, toAnotherUser } from '../../src/upstream/failover.ts'
import { sourceContract } from '../contract/source-contract.ts'
import { buildArtifact } from '../support/artifacts.ts'
import { caught } from '../support/caught.ts'
import { buildImage } from '../support/images.ts'
import { MemorySource } from '../support/memory-source.ts'
import { upstreamError } from '../support/scripted-source.ts'
import { openClient } from '../support/upstream-client.ts'

sourceContract('failover', (hub) => {
  const opened = openClient(hub)
  const broken = new MemorySource()
  broken.before = () => Promise.reject(upstreamError('denied'))
  return {
    source: failover([opened.client, broken]),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
})

const repository = parseRepository('library/demo')!
const ref = { kind: 'tag', repository, tag: parseTag('1')! } as const
const image = await buildImage()

let first: MemorySource
let second: MemorySource

beforeEach(() => {
  first = new MemorySource()
  second = new MemorySource()
  for (const source of [first, second]) source.add(repository, '1', image)
})

const never = new AbortController().signal

function failover(sources: ConstructorParameters<typeof FailoverSource>[0][number]['source'][]) {
  const alternatives = sources.map((source) => ({ source, isLow: () => false }))
  return new FailoverSource(alternatives, toAnotherEndpoint)
}

function failing(source: MemorySource, kind: UpstreamErrorKind): UpstreamError {
  const error = upstreamError(kind)
  source.before = () => Promise.reject(error)
  return error
}

function pull(signal = new AbortController().signal) {
  return failover([first, second]).manifest(ref, { signal })
}

/** While the first has little left. */
function pullLastOfFirst() {
  const alternatives = [
    { source: first, isLow: () => true },
    { source: second, isLow: () => false },
  ]
  return new FailoverSource(alternatives, toAnotherEndpoint).manifest(ref, { signal: never })
}

describe('of two sources', () => {
  it('the second is believed what refers to a manifest, but not that nothing does', async () => {
    const { digest } = image.root
    const { referrer } = buildArtifact({ subject: image.root })
    const list = () =>
      failover([first, second]).referrers(repository, digest, {}, { signal: never })
    const error = failing(first, 'server')
    expect(await caught(list())).toBe(error)
    second.setReferrers(repository, digest, [referrer])
    expect((await list()).referrers).toEqual([referrer])
  })

  it('the first is asked, and no other while it answers', async () => {
    expect((await pull())?.descriptor.digest).toBe(image.root.digest)
    expect(second.asked).toEqual([])
  })

  it.each(['unreachable', 'timeout', 'server', 'rate-limited', 'token', 'denied'] as const)(
    'the second is asked when the first fails as %s',
    async (kind) => {
      failing(first, kind)
      expect((await pull())?.descriptor.digest).toBe(image.root.digest)
    },
  )

  it.each(['invalid', 'refused'] as const)(
    'the first is believed that fails as %s',
    async (kind) => {
      const error = failing(first, kind)
      expect(await caught(pull())).toBe(error)
      expect(second.asked).toEqual([])
    },
  )

  it('the second is asked when the first refuses all requests, but not as another user', async () => {
    const error = failing(first, 'abuse-limited')
    expect((await pull())?.descriptor.digest).toBe(image.root.digest)
    second.asked.length = 0
    const users = [first, second].map((source) => ({ source, isLow: () => false }))
    const source = new FailoverSource(users, toAnotherUser)
    expect(await caught(source.manifest(ref, { signal: new AbortController().signal }))).toBe(error)
    expect(second.asked).toEqual([])
  })

  it('the absence that the first tells is believed', async () => {
    first = new MemorySource()
    expect(await pull()).toBeUndefined()
    expect(second.asked).toEqual([])
  })

  it('the absence that the second tells is not, as it may only lack it', async () => {
    const error = failing(first, 'server')
    second = new MemorySource()
    expect(await caught(pull())).toBe(error)
  })

  it('the first tells why when both fail', async () => {
    const error = failing(first, 'rate-limited')
    failing(second, 'unreachable')
    expect(await caught(pull())).toBe(error)
  })

  it('the one with more of its budget left comes first', async () => {
    await pullLastOfFirst()
    expect([first.asked.length, second.asked.length]).toEqual([0, 1])
  })

  describe('the first has little of its budget left and comes last, and', () => {
    it('is asked for what the second lacks', async () => {
      second = new MemorySource()
      expect((await pullLastOfFirst())?.descriptor.digest).toBe(image.root.digest)
    })

    it('is believed what it lacks, when the second has failed', async () => {
      first = new MemorySource()
      failing(second, 'server')
      expect(await pullLastOfFirst()).toBeUndefined()
    })

    it('tells why when both fail', async () => {
      const error = failing(first, 'rate-limited')
      failing(second, 'server')
      expect(await caught(pullLastOfFirst())).toBe(error)
    })
  })

  it('none is asked any more when the caller has left', async () => {
    const controller = new AbortController()
    const reason = new Error('gone')
    first.before = () => {
      controller.abort(reason)
      return Promise.reject(upstreamError('unreachable'))
    }
    await caught(pull(controller.signal))
    expect(second.asked).toEqual([])
  })
})
