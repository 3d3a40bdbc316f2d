import { describe, expect, it } from 'vitest'
import { parseRepository, parseTag } from '../../src/oci/reference.ts'
import type { Page } from '../../src/oci/source.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Gate } from '../support/gate.ts'
import { buildImage } from '../support/images.ts'
import { upstreamError } from '../support/scripted-source.ts'
import { isPending } from '../support/turns.ts'
import { demo, mirrorOn, never, POLICY, tagged, upstreamSource } from './mirror-rig.ts'

const image = await buildImage()
const unknown = parseRepository('library/unknown')!

async function prepare() {
  const source = upstreamSource()
  for (const tag of ['1', '2', '3', 'latest']) source.add(demo, tag, image)
  const clock = new FakeClock()
  const rig = await mirrorOn(source, { clock })
  const list = (page: Page = {}) => rig.mirror.tags(demo, page, { signal: never })
  return { source, clock, rig, list, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() }
}

describe('a list of tags', () => {
  it('comes from upstream, once while it is fresh and however many ask', async () => {
    await using test = await prepare()
    const gate = new Gate()
    test.source.before = () => gate.pass()
    const lists = Promise.all(Array.from({ length: 20 }, () => test.list()))
    expect(await isPending(lists)).toBe(true)
    gate.open()
    for (const list of await lists) {
      expect(list).toEqual({ tags: ['1', '2', '3', 'latest'], hasMore: false })
    }
    test.clock.advance(POLICY.freshForMs - 1)
    await test.list()
    expect(test.source.asked).toHaveLength(1)
    test.clock.advance(1)
    await test.list()
    expect(test.source.asked).toHaveLength(2)
  })

  it('is asked for again where the clock was put back', async () => {
    await using test = await prepare()
    await test.list()
    test.clock.putBack(1)
    await test.list()
    expect(test.source.asked).toHaveLength(2)
  })

  it('is not remembered beyond the memory that there is for lists', async () => {
    await using test = await prepare()
    const tags = Array.from({ length: 50_000 }, (_, at) => parseTag(`${'x'.repeat(100)}-${at}`)!)
    test.source.tags = (_, { limit }) => {
      test.source.asked.push(`tags ${limit}`)
      return Promise.resolve({ tags, hasMore: false })
    }
    for (const limit of [1, 2, 3, 4, 1]) await test.list({ limit: 50_000 + limit })
    expect(test.source.asked).toHaveLength(5)
    await test.list({ limit: 50_001 })
    expect(test.source.asked).toHaveLength(5)
  })

  it('is remembered page by page', async () => {
    await using test = await prepare()
    expect(await test.list({ limit: 2 })).toEqual({ tags: ['1', '2'], hasMore: true })
    const rest = await test.list({ limit: 2, after: '2' })
    expect(rest).toEqual({ tags: ['3', 'latest'], hasMore: false })
    expect(await test.list({ limit: 2 })).toEqual({ tags: ['1', '2'], hasMore: true })
    expect(test.source.asked).toHaveLength(2)
  })

  it('is the last known one, or made of what is held, while upstream fails', async () => {
    await using test = await prepare()
    const { source, clock, rig } = test
    for (const tag of ['1', '2', '3']) await rig.mirror.resolve(tagged(tag), { signal: never })
    await test.list({ limit: 1 })
    clock.advance(POLICY.freshForMs)
    source.before = () => Promise.reject(upstreamError('server'))
    expect(await test.list({ limit: 1 })).toEqual({ tags: ['1'], hasMore: true })
    expect(await test.list()).toEqual({ tags: ['1', '2', '3'], hasMore: false })
    expect(await test.list({ limit: 1, after: '1' })).toEqual({ tags: ['2'], hasMore: true })
    expect(await test.list({ after: '3' })).toEqual({ tags: [], hasMore: false })
  })

  it('is an error where upstream fails and nothing is held, or it refuses', async () => {
    await using test = await prepare()
    const { source, rig } = test
    const error = upstreamError('unreachable')
    source.before = () => Promise.reject(error)
    expect(await caught(test.list())).toBe(error)
    source.before = () => Promise.resolve()
    await rig.mirror.resolve(tagged('1'), { signal: never })
    const denied = upstreamError('denied')
    source.before = () => Promise.reject(denied)
    expect(await caught(test.list())).toBe(denied)
  })

  it('is absent where there is no such repository', async () => {
    await using test = await prepare()
    expect(await test.rig.mirror.tags(unknown, {}, { signal: never })).toBeUndefined()
  })
})
