import * as fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { parsePinPattern, type Named } from '../../src/cache/pin-pattern.ts'
import { referencePattern } from '../../src/config/fields.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { Repository, Tag } from '../../src/oci/reference.ts'

const digest = digestOf(Buffer.from('image'))
const other = digestOf(Buffer.from('other'))

/** Content named `registry/repository:tag`, or without a tag. */
function named(...names: string[]): Named {
  return {
    digest,
    names: names.map((name) => {
      const [path = '', tag] = name.split(':')
      const slash = path.indexOf('/')
      const repository = {
        registry: path.slice(0, slash),
        name: path.slice(slash + 1) as Repository,
      }
      return { repository, tags: tag === undefined ? [] : [tag as Tag] }
    }),
  }
}

describe('a pattern of images', () => {
  test.each([
    ['docker.io/library/node:22', true],
    ['docker.io/library/node:22*', true],
    ['docker.io/library/node:2', false],
    ['docker.io/library/node', true],
    ['docker.io/library/nod', false],
    ['docker.io/*/node:*', true],
    ['docker.io/*:22', false],
    ['docker.io/**', true],
    ['**', true],
    ['**:22', true],
    ['**/node', true],
    ['ghcr.io/library/node:22', false],
    [`docker.io/library/node@${digest}`, true],
    [`docker.io/library/node@${other}`, false],
    [`docker.io/library/alpine@${digest}`, false],
  ])('%s', (pattern, isMatch) => {
    expect(parsePinPattern(pattern)?.(named('docker.io/library/node:22'))).toBe(isMatch)
  })

  it('wants the tag in the repository that it names', () => {
    const content = named('docker.io/library/node:22', 'ghcr.io/team/node:1')
    expect(parsePinPattern('ghcr.io/team/node:1')?.(content)).toBe(true)
    expect(parsePinPattern('ghcr.io/team/node:22')?.(content)).toBe(false)
  })

  it('without a tag matches what has none', () => {
    const content = named('localhost:5000/app')
    expect(parsePinPattern('docker.io/library/node')?.(content)).toBe(false)
    expect(parsePinPattern('docker.io/library/node')?.(named('docker.io/library/node'))).toBe(true)
  })

  test.each([
    '',
    'node:22',
    'node',
    '*',
    '/node',
    'docker.io/',
    'docker.io//node',
    'docker.io/Node',
    'docker.io/node:',
    'docker.io/node@sha256:1',
    'docker.io/node:1:2',
    'docker.io/node:1@2',
    ' docker.io/node',
    'docker.io/node\n',
    `docker.io/${'a'.repeat(512)}`,
  ])('is not %j', (text) => {
    expect(parsePinPattern(text)).toBeUndefined()
  })

  it('is the same for the configuration', () => {
    const characters = fc.constantFrom(
      ...'a Z 0 . - _ * / : @'.split(' '),
      'docker.io/',
      '**',
      `@${digest}`,
    )
    const text = fc.array(characters, { maxLength: 12 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, (pattern) => {
        expect(referencePattern.safeParse(pattern).success).toBe(
          parsePinPattern(pattern) !== undefined,
        )
      }),
      { numRuns: 2_000 },
    )
  })

  it('without a wildcard matches what it names and nothing else', () => {
    const name = fc.stringMatching(/^(docker\.io|ghcr\.io)(\/[a-b.]{1,2}){1,2}:[a-b.]{1,2}$/)
    fc.assert(
      fc.property(name, name, (pattern, content) => {
        expect(parsePinPattern(pattern)?.(named(content))).toBe(pattern === content)
      }),
    )
  })
})
