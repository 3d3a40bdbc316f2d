import { assert, property, string } from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { Proxies } from '../../src/upstream/proxies.ts'

const http = { url: new URL('http://plain.proxy'), authorization: undefined }
const https = { url: new URL('http://secure.proxy'), authorization: undefined }

function isDirect(url: string, ...except: string[]): boolean {
  return new Proxies({ http, https, except }).for(new URL(url)) === undefined
}

describe('a proxy', () => {
  it('is chosen by the scheme of what is asked', () => {
    const proxies = new Proxies({ http, https, except: [] })
    expect(proxies.for(new URL('http://a.test'))).toBe(http)
    expect(proxies.for(new URL('https://a.test'))).toBe(https)
    expect(new Proxies({ http, https: undefined, except: [] }).for(new URL('https://a.test'))).toBe(
      undefined,
    )
  })

  test.each([
    'http://localhost:5000',
    'http://registry.localhost',
    'http://127.0.0.1',
    'https://127.9.9.9:5000',
    'http://[::1]:5000',
  ])('is never asked for %s, which is here', (url) => {
    expect(isDirect(url)).toBe(true)
  })
})

describe('an exception', () => {
  test.each([
    ['*', 'https://anything.test'],
    ['a.test', 'https://a.test'],
    ['a.test', 'https://b.c.a.test:5000'],
    ['.a.test', 'https://a.test'],
    ['*.a.test', 'https://b.a.test'],
    ['A.Test.', 'https://a.test'],
    ['a.test', 'https://a.test.'],
    ['a.test:443', 'https://a.test'],
    ['a.test:80', 'http://a.test'],
    ['a.test:5000', 'https://b.a.test:5000'],
    ['*:5000', 'https://a.test:5000'],
    ['10.1.2.3', 'https://10.1.2.3:5000'],
    ['10.0.0.0/8', 'https://10.1.2.3'],
    ['10.0.0.0/8:5000', 'https://10.1.2.3:5000'],
    ['fd00::1', 'https://[fd00::1]'],
    ['fd00::/8', 'https://[fd12::1]'],
    ['[fd00::1]', 'https://[fd00::1]:5000'],
    ['[fd00::1]:443', 'https://[fd00::1]'],
  ])('%s covers %s', (exception, url) => {
    expect(isDirect(url, 'other.test', exception)).toBe(true)
  })

  test.each([
    ['a.test', 'https://ba.test'],
    ['a.test', 'https://a.test.evil.test'],
    ['a.test:5000', 'https://a.test'],
    ['*:5000', 'https://a.test'],
    ['10.1.2.3', 'https://10.1.2.30'],
    ['10.0.0.0/8', 'https://11.0.0.1'],
    ['10.0.0.0/8', 'https://ten.test'],
    ['10.0.0.0/99', 'https://10.0.0.1'],
    ['10.0.0.0/', 'https://11.0.0.1'],
    ['10.0.0.0/x', 'https://10.0.0.1'],
    ['fd00::1', 'https://[fd00::2]'],
    ['[fd00::1]:443', 'https://[fd00::1]:5000'],
    ['', 'https://a.test'],
    ['.', 'https://a.test'],
  ])('%s does not cover %s', (exception, url) => {
    expect(isDirect(url, exception)).toBe(false)
  })
})

test('whatever an exception says is read, and covers no more than it names', () => {
  const exception = string().filter((text) => !text.includes('*') && !/test/i.test(text))
  assert(
    property(exception, (text) => {
      expect(isDirect('https://registry.example.test', text)).toBe(false)
    }),
  )
})
