import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { neededOf, topmost, type Node } from '../../src/hosted/needs.ts'
import { digestOf, type Digest } from '../../src/oci/digest.ts'

const digests = Array.from({ length: 12 }, (_, index) => digestOf(Buffer.from(`${index}`)))

/** Manifests name, and refer to, what was there before them: a hash knows no circles. */
const repository = fc
  .array(
    fc.record({
      children: fc.subarray(digests),
      subjects: fc.subarray(digests, { maxLength: 1 }),
      staysItself: fc.boolean(),
    }),
    { maxLength: digests.length },
  )
  .map((facts) =>
    facts.map(({ staysItself, ...needs }, index) => {
      const before = (digest: Digest) => digests.indexOf(digest) < index
      return {
        digest: digests[index]!,
        children: needs.children.filter(before),
        subjects: needs.subjects.filter(before),
        staysItself,
      }
    }),
  )

type Manifest = Node & { staysItself: boolean }

const byDigest = (manifests: readonly Manifest[]) =>
  new Map(manifests.map((manifest) => [manifest.digest, manifest]))

/** Grows what stays by one manifest after the other that something which stays needs. */
function growing(needed: readonly Digest[], manifests: readonly Manifest[]): readonly Digest[] {
  const isNamed = (digest: Digest) =>
    manifests.some((other) => needed.includes(other.digest) && other.children.includes(digest))
  const next = manifests.find(
    ({ digest, subjects }) =>
      !needed.includes(digest) &&
      (isNamed(digest) || subjects.some((subject) => needed.includes(subject))),
  )
  return next ? growing([...needed, next.digest], manifests) : needed
}

describe('neededOf', () => {
  test('is what stays itself, and what that needs, and so on', () => {
    fc.assert(
      fc.property(repository, (manifests) => {
        const needed = neededOf(byDigest(manifests), ({ staysItself }) => staysItself)
        const roots = manifests.filter(({ staysItself }) => staysItself)
        const expected = growing(
          roots.map(({ digest }) => digest),
          manifests,
        )
        expect([...needed].sort()).toEqual(expected.toSorted())
      }),
    )
  })
})

describe('topmost', () => {
  test('finds some as long as there are any, and none that another names', () => {
    fc.assert(
      fc.property(repository, (manifests) => {
        const top = topmost(byDigest(manifests))
        expect(top.length > 0).toBe(manifests.length > 0)
        const named = new Set(manifests.flatMap(({ children }) => children))
        expect(top.filter(({ digest }) => named.has(digest))).toEqual([])
      }),
    )
  })

  test('leaves what refers to others among them for later', () => {
    const [image, signature] = [digests[0]!, digests[1]!]
    const nodes = [
      { digest: image, children: [], subjects: [] },
      { digest: signature, children: [], subjects: [image] },
    ]
    const top = topmost(new Map(nodes.map((node) => [node.digest, node])))
    expect(top.map(({ digest }) => digest)).toEqual([image])
  })
})
