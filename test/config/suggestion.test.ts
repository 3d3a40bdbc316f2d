import { expect, test } from 'vitest'
import { nearest } from '../../src/config/suggestion.ts'

const KEYS = ['listen', 'admin', 'data', 'log', 'username']

test.each([
  ['listne', 'listen'],
  ['listeners', 'listen'],
  ['Data', 'data'],
  ['lag', 'log'],
  ['userName', 'username'],
])('%s was meant to be %s', (word, meant) => {
  expect(nearest(word, KEYS)).toBe(meant)
})

test.each(['eviction', 'x', 'tls', ''])('%s is near nothing', (word) => {
  expect(nearest(word, KEYS)).toBeUndefined()
})
