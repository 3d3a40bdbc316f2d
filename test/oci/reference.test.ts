import { array, assert, constantFrom, property, string, stringMatching } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import {
  formatReference,
  parseRepository,
  parseTag,
  targetOf,
  type Reference,
} from '../../src/oci/reference.ts'

const hostile = string({ unit: constantFrom('.', '/', '\\', 'a', '%', '\0', '\n', '-') })

describe('repository', () => {
  test.each([
    'alpine',
    'library/alpine',
    'a/b/c/d',
    'foo.bar/baz_qux/x__y/a-b---c',
    'docker.io/library/alpine',
    '0',
    'a'.repeat(255),
  ])('%s is one', (text) => {
    expect(parseRepository(text)).toBe(text)
  })

  test.each([
    '',
    'Alpine',
    '/alpine',
    'alpine/',
    'a//b',
    'a..b',
    'a___b',
    '.a',
    'a.',
    '-a',
    'a_',
    'a/../b',
    'a%2fb',
    'a b',
    'alpine:3',
    'alpine\n',
    'ä',
    'a'.repeat(256),
  ])('%j is none', (text) => {
    expect(parseRepository(text)).toBeUndefined()
  })

  test('components and separators make one in any number', () => {
    const component = stringMatching(/^[a-z0-9]{1,5}((\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}$/)
    assert(
      property(array(component, { minLength: 1, maxLength: 6 }), (components) => {
        const text = components.join('/')
        expect(parseRepository(text)).toBe(text)
      }),
    )
  })

  test('nothing that is taken can leave a folder, or mean something else to a proxy', () => {
    assert(
      property(hostile, (text) => {
        const segments = parseRepository(text)?.split('/') ?? []
        return segments.every((segment) => /^[^./\\%\0][^/\\%\0]*$/.test(segment))
      }),
    )
  })

  test('long near misses are refused in no time', () => {
    expect(parseRepository(`${'a-'.repeat(127)}!`)).toBeUndefined()
    expect(parseRepository(`${'a'.repeat(254)}!`)).toBeUndefined()
  })
})

describe('tag', () => {
  test.each(['latest', '3', '_', 'V1.2-rc_3', 'a'.repeat(128)])('%s is one', (text) => {
    expect(parseTag(text)).toBe(text)
  })

  test.each(['', '.a', '-a', 'a/b', 'a:b', 'a b', '..', 'a\n', 'a'.repeat(129)])(
    '%j is none',
    (text) => {
      expect(parseTag(text)).toBeUndefined()
    },
  )

  test('nothing that is taken can leave a folder', () => {
    assert(
      property(hostile, (text) => {
        const tag = parseTag(text)
        return tag === undefined || /^[^./\\%\0][^/\\%\0]*$/.test(tag)
      }),
    )
  })
})

test('a reference is written as clients write it', () => {
  const repository = parseRepository('library/alpine')!
  const digest = digestOf(Buffer.from('x'))
  const byTag: Reference = { kind: 'tag', repository, tag: parseTag('3')! }
  const byDigest: Reference = { kind: 'digest', repository, digest }
  expect(formatReference(byTag)).toBe('library/alpine:3')
  expect(formatReference(byDigest)).toBe(`library/alpine@${digest}`)
  expect(targetOf(byTag)).toBe('3')
  expect(targetOf(byDigest)).toBe(digest)
})
