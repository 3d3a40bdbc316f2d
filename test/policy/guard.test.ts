import { beforeEach, describe, expect, it } from 'vitest'
import { parseRepository, parseTag } from '../../src/oci/reference.ts'
import { Guard } from '../../src/policy/guard.ts'
import { Rules, type RulePatterns } from '../../src/policy/rules.ts'
import { sourceContract } from '../contract/source-contract.ts'
import { caught } from '../support/caught.ts'
import { buildImage } from '../support/images.ts'
import { MemorySource } from '../support/memory-source.ts'
import { openClient } from '../support/upstream-client.ts'

sourceContract('the guard', (hub) => {
  const opened = openClient(hub)
  return {
    source: guard(opened.client, {}),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
})

const options = { signal: new AbortController().signal }
const repository = parseRepository('library/demo')!
const image = await buildImage()
const { digest } = image.root

let source: MemorySource

beforeEach(() => {
  source = new MemorySource()
  for (const tag of ['1', '2', '3']) source.add(repository, tag, image)
})

function guard(inner: ConstructorParameters<typeof Guard>[0], rules: Partial<RulePatterns>) {
  return new Guard(inner, new Rules('docker.io', { allow: ['**'], deny: [], ...rules }))
}

const tagged = (tag: string) => ({ kind: 'tag', repository, tag: parseTag(tag)! }) as const
const byDigest = { kind: 'digest', repository, digest } as const

describe('a guard', () => {
  it('asks nothing of what is refused, and says which rule it was', async () => {
    const guarded = guard(source, { deny: ['library/*'] })
    const asks = [
      guarded.resolve(tagged('1'), options),
      guarded.manifest(byDigest, options),
      guarded.statBlob(repository, digest, options),
      guarded.blob(repository, digest, options),
      guarded.tags(repository, {}, options),
      guarded.referrers(repository, digest, {}, options),
    ]
    for (const asking of asks) {
      expect(await caught(asking)).toMatchObject({
        code: 'DENIED',
        status: 403,
        message: expect.stringMatching(/is denied here by the rule deny: library\/\*$/) as string,
      })
    }
    expect(source.asked).toEqual([])
  })

  it('lets a digest pass where only some of the tags are refused', async () => {
    const guarded = guard(source, { deny: ['library/demo:2'] })
    expect(await caught(guarded.manifest(tagged('2'), options))).toMatchObject({ code: 'DENIED' })
    expect((await guarded.manifest(tagged('1'), options))?.descriptor.digest).toBe(digest)
    expect((await guarded.manifest(byDigest, options))?.descriptor.digest).toBe(digest)
  })

  it('leaves refused tags out of lists, and never gives an empty page before others', async () => {
    const guarded = guard(source, { allow: ['library/demo:3'] })
    expect(await guarded.tags(repository, {}, options)).toEqual({ tags: ['3'], hasMore: false })
    expect(await guarded.tags(repository, { limit: 1 }, options)).toEqual({
      tags: ['3'],
      hasMore: false,
    })
    expect(await guarded.tags(repository, { limit: 1, after: '3' }, options)).toMatchObject({
      tags: [],
    })
  })

  it('asks for few pages however many tags in a row are refused, and however small the page', async () => {
    const refused = Array.from({ length: 3_000 }, (_, index) => `nightly-${10_000 + index}`)
    for (const tag of [...refused, 'one', 'two']) source.add(repository, tag, image)
    const guarded = guard(source, { allow: ['library/demo:one', 'library/demo:two'] })
    const page = { limit: 1, after: parseTag('3')! }
    expect(await guarded.tags(repository, page, options)).toEqual({ tags: ['one'], hasMore: true })
    expect(source.asked.length).toBeLessThan(10)
  })

  it('comes to an end with a list that goes round in circles', async () => {
    const guarded = guard(source, { allow: ['library/demo:4'] })
    let pages = 0
    source.tags = (_, { after }) => {
      if (++pages > 1_000) throw new Error('it comes to no end')
      const tags = [parseTag(after === '1' ? '2' : '1')!]
      return Promise.resolve({ tags, hasMore: true })
    }
    expect(await guarded.tags(repository, {}, options)).toEqual({ tags: [], hasMore: false })
  })
})
