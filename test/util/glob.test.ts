import { array, assert, constantFrom, property, string } from 'fast-check'
import { expect, test } from 'vitest'
import { globPattern } from '../../src/util/glob.ts'

test.each([
  ['library/node', ['library/node'], ['library/nodes', 'a/library/node', 'library.node']],
  ['library/*', ['library/node', 'library/'], ['library/a/b', 'library']],
  ['*/node', ['library/node', '/node'], ['a/b/node']],
  ['**', ['', 'a', 'a/b/c'], []],
  ['ghcr.io/**/app', ['ghcr.io/a/app', 'ghcr.io/a/b/app'], ['ghcr.io/app', 'ghcrxio/a/app']],
  ['22*-alpine', ['22-alpine', '22.1-alpine'], ['22-alpine3', '122-alpine']],
  ['a+(b)[c]', ['a+(b)[c]'], ['aab', 'ab']],
])('%s', (glob, matching, others) => {
  const pattern = globPattern(glob)
  expect(matching.filter((text) => !pattern.test(text))).toEqual([])
  expect(others.filter((text) => pattern.test(text))).toEqual([])
})

test('without a wildcard a pattern is itself and nothing else', () => {
  const plain = string({ unit: constantFrom('a', '.', '/', '+', '\\', '[', '^', '$', '\n') })
  assert(
    property(plain, plain, (glob, text) => {
      expect(globPattern(glob).test(text)).toBe(glob === text)
    }),
  )
})

test('it matches what a regular expression would', () => {
  const glob = array(constantFrom('a', 'b', '/', '*', '**'), { maxLength: 6 })
  const text = string({ unit: constantFrom('a', 'b', '/'), maxLength: 8 })
  assert(
    property(glob, text, (parts, tested) => {
      const pattern = parts.join('')
      // Of three asterisks in a row the first two are the one that may be anything.
      const source = pattern.replaceAll('**', '.*').replaceAll(/(?<!\.)\*/g, '[^/]*')
      expect(globPattern(pattern).test(tested)).toBe(new RegExp(`^${source}$`).test(tested))
    }),
    { numRuns: 2000 },
  )
})

test('a name that almost matches many wildcards is refused in no time', () => {
  for (const wildcard of ['*', '**']) {
    const pattern = globPattern(`${`${wildcard}-`.repeat(100)}x`)
    expect(pattern.test('a-'.repeat(127))).toBe(false)
    expect(pattern.test(`${'a-'.repeat(127)}x`)).toBe(true)
  }
})
