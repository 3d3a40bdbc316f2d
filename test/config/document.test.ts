import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { readDocument } from '../../src/config/document.ts'

function faultsOf(text: string): string {
  try {
    readDocument('a.yml', text)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}

describe('readDocument', () => {
  test('knows where each key and item stands', () => {
    const document = readDocument('a.yml', 'listen:\n  port: 1\nlist:\n  - x\n  - { y: 2 }\n')
    expect(document.placeOf(['listen'])).toEqual({
      source: 'file',
      file: 'a.yml',
      line: 1,
      column: 1,
    })
    expect(document.placeOf(['listen', 'port'])).toMatchObject({ line: 2, column: 3 })
    expect(document.placeOf(['list', 1])).toMatchObject({ line: 5, column: 5 })
    expect(document.placeOf(['list', 1, 'y'])).toMatchObject({ line: 5, column: 7 })
    expect(document.placeOf(['listen', 'host'])).toBeUndefined()
    expect(document.placeOf(['listen', 'port', 'deeper'])).toBeUndefined()
  })

  test('takes an empty file, and one of comments alone, for one that says nothing', () => {
    expect(readDocument('a.yml', '').value).toBeUndefined()
    expect(readDocument('a.yml', '# nothing\n').value).toBeUndefined()
  })

  test('reads JSON', () => {
    expect(readDocument('a.json', '{"listen": {"port": 1}}').value).toEqual({ listen: { port: 1 } })
  })

  test('reads YAML 1.2, where no is a word', () => {
    expect(readDocument('a.yml', 'a: no').value).toEqual({ a: 'no' })
  })

  test.each([
    ['a key given twice', 'a: 1\nb: 2\na: 3\n', /^a\.yml:3:1: .*unique/],
    ['an open bracket', 'a: [1\n', /^a\.yml:2:1: /],
    ['a tab as indentation', 'a:\n\tb: 1\n', /^a\.yml:2:1: /],
    ['a second document', 'a: 1\n---\nb: 2\n', /^a\.yml:2:1: /],
    ['a tag', 'a: !secret x\n', /^a\.yml:1:4: /],
  ])('refuses %s', (_, text, message) => {
    expect(faultsOf(text)).toMatch(message)
  })

  test('refuses aliases, so that nothing can expand without end', () => {
    const text = 'a: &a [x, x]\nb: &b [*a, *a]\nc: [*b]\n'
    expect(faultsOf(text).split('\n')).toEqual([
      'a.yml:2:8: aliases are not supported',
      'a.yml:2:12: aliases are not supported',
      'a.yml:3:5: aliases are not supported',
    ])
  })
})
