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
