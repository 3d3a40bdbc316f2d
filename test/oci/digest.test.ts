import { createHash } from 'node:crypto'
import { assert, property, string, uint8Array } from 'fast-check'
import { expect, test } from 'vitest'
import {
  algorithmOf,
  digestOf,
  encodedOf,
  finishDigest,
  parseDigest,
} from '../../src/oci/digest.ts'

const HEX = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

test('the digest of nothing is the known one', () => {
  expect(digestOf(new Uint8Array())).toBe(`sha256:${HEX}`)
})

test.each([
  ['no algorithm', HEX],
  ['an unknown algorithm', `md5:${HEX.slice(32)}`],
  ['upper case', `sha256:${HEX.toUpperCase()}`],
  ['too short', `sha256:${HEX.slice(1)}`],
  ['too long', `sha256:${HEX}0`],
  ['the length of another algorithm', `sha512:${HEX}`],
  ['a line feed behind', `sha256:${HEX}\n`],
  ['a path inside', `sha256:../../${HEX.slice(6)}`],
])('%s is no digest', (_, text) => {
  expect(parseDigest(text)).toBeUndefined()
})

test('what is digested can be parsed and taken apart, for both algorithms', () => {
  assert(
    property(uint8Array(), (bytes) => {
      for (const algorithm of ['sha256', 'sha512'] as const) {
        const digest = digestOf(bytes, algorithm)
        expect(parseDigest(digest)).toBe(digest)
        expect(algorithmOf(digest)).toBe(algorithm)
        expect(`${algorithm}:${encodedOf(digest)}`).toBe(digest)
      }
    }),
  )
})

test('a hash fed in pieces gives the digest of the whole', () => {
  const hash = createHash('sha256').update('en').update('trepot')
  expect(finishDigest('sha256', hash)).toBe(digestOf(Buffer.from('entrepot')))
})

test('text at random is no digest', () => {
  assert(property(string(), (text) => parseDigest(text) === undefined))
})
