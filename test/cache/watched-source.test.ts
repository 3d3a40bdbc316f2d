import { describe, expect, it } from 'vitest'
import { WatchedSource } from '../../src/cache/watched-source.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { Source } from '../../src/oci/source.ts'
import { systemClock } from '../../src/util/clock.ts'
import { sourceContract } from '../contract/source-contract.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemorySource } from '../support/memory-source.ts'
import { upstreamError } from '../support/scripted-source.ts'
import { openClient } from '../support/upstream-client.ts'
import { byDigest, demo, never, tagged } from './mirror-rig.ts'

sourceContract('the watched source', (hub) => {
  const opened = openClient(hub)
  return {
    source: new WatchedSource(opened.client, systemClock),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
})

const digest = digestOf(Buffer.from('unknown'))
const signal = never

const questions: [string, (source: Source) => Promise<unknown>][] = [
  ['resolve', (source) => source.resolve(tagged('latest'), { signal })],
  ['manifest', (source) => source.manifest(byDigest(digest), { signal })],
  ['statBlob', (source) => source.statBlob(demo, digest, { signal })],
  ['blob', (source) => source.blob(demo, digest, { signal })],
  ['tags', (source) => source.tags(demo, {}, { signal })],
  ['referrers', (source) => source.referrers(demo, digest, {}, { signal })],
]

describe.each(questions)('a watched source asked for %s', (_, ask) => {
  it('has been silent since its last answer, whatever that said', async () => {
    const clock = new FakeClock()
    const inner = new MemorySource()
    const watched = new WatchedSource(inner, clock)
    expect(watched.silentForMs).toBe(Infinity)
    await ask(watched)
    clock.advance(1000)
    expect(watched.silentForMs).toBe(1000)
    inner.before = () => Promise.reject(upstreamError('denied'))
    await caught(ask(watched))
    expect(watched.silentForMs).toBe(0)
  })

  it('stays silent when it fails, or when nobody waits for its answer', async () => {
    const clock = new FakeClock()
    const inner = new MemorySource()
    const watched = new WatchedSource(inner, clock)
    for (const error of [
      upstreamError('unreachable'),
      upstreamError('server'),
      new Error('gone'),
    ]) {
      inner.before = () => Promise.reject(error)
      expect(await caught(ask(watched))).toBe(error)
      expect(watched.silentForMs).toBe(Infinity)
    }
  })

  it('is silent again as soon as it fails, though not for a limit, which is an answer', async () => {
    const clock = new FakeClock()
    const inner = new MemorySource()
    const watched = new WatchedSource(inner, clock)
    await ask(watched)
    inner.before = () => Promise.reject(upstreamError('timeout'))
    await caught(ask(watched))
    expect(watched.silentForMs).toBe(Infinity)
    inner.before = () => Promise.reject(upstreamError('rate-limited'))
    await caught(ask(watched))
    expect(watched.silentForMs).toBe(0)
  })
})
