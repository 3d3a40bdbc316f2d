import type { LookupFunction } from 'node:net'
import { describe, expect, it } from 'vitest'
import { AddressGuard } from '../../src/upstream/address-guard.ts'

const ADDRESSES: Record<string, string[]> = {
  'registry.example.com': ['203.0.113.1', '2001:db8::1'],
  'cdn.example.net': ['203.0.113.2'],
  'registry.corp': ['10.1.2.3'],
  'inner.corp': ['2001:db8::2', 'fd00::1'],
}

const resolve: LookupFunction = (hostname, _, callback) => {
  const found = (ADDRESSES[hostname] ?? []).map((address) => ({ address, family: 4 }))
  callback(null, found)
}

/** Undefined where the connection may be made. */
function lookUp(guard: AddressGuard, hostname: string): Error | null {
  let refusal: Error | null = new Error('not called back')
  guard.lookup(hostname, { all: true }, (error) => (refusal = error))
  return refusal
}

describe('an upstream at a public address', () => {
  it('may lead to public hosts and to no private ones', () => {
    const guard = new AddressGuard(new URL('https://registry.example.com'), [], resolve)
    expect(lookUp(guard, 'registry.example.com')).toBeNull()
    expect(lookUp(guard, 'cdn.example.net')).toBeNull()
    expect(lookUp(guard, 'inner.corp')?.message).toBe('inner.corp is at a private address')
  })

  it.each([
    '10.0.0.1',
    '127.0.0.1',
    '0x7f.1',
    '169.254.169.254',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '[::1]',
    '[::]',
    '[fd00::1]',
    '[fe80::1]',
    '[::ffff:10.0.0.1]',
  ])('may not lead to %s', (host) => {
    const guard = new AddressGuard(new URL('https://registry.example.com'), [], resolve)
    expect(guard.refusalOf(new URL(`http://${host}:8080/`))).toBeInstanceOf(Error)
  })

  it.each(['203.0.113.9', '172.32.0.1', '[2001:db8::1]', 'cdn.example.net'])(
    'may lead to %s',
    (host) => {
      const guard = new AddressGuard(new URL('https://registry.example.com'), [], resolve)
      expect(guard.refusalOf(new URL(`https://${host}/`))).toBeUndefined()
    },
  )
})

describe('a private host that is allowed', () => {
  const allowed = ['inner.corp', '10.0.0.1', 'fd00::1']
  const guard = new AddressGuard(new URL('https://registry.example.com'), allowed, resolve)

  it('may be led to by name or address, and others still may not', () => {
    expect(lookUp(guard, 'inner.corp')).toBeNull()
    expect(guard.refusalOf(new URL('http://10.0.0.1:8080/'))).toBeUndefined()
    expect(guard.refusalOf(new URL('http://[fd00::1]/'))).toBeUndefined()
    expect(lookUp(guard, 'registry.corp')).toBeInstanceOf(Error)
    expect(guard.refusalOf(new URL('http://10.0.0.2/'))).toBeInstanceOf(Error)
  })
})

describe('an upstream at a private address', () => {
  it('known by name may lead to private hosts', () => {
    const guard = new AddressGuard(new URL('http://registry.corp:5000'), [], resolve)
    expect(lookUp(guard, 'registry.corp')).toBeNull()
    expect(lookUp(guard, 'inner.corp')).toBeNull()
    expect(guard.refusalOf(new URL('http://10.0.0.1/'))).toBeUndefined()
  })

  it('known by address may lead to private hosts', () => {
    const guard = new AddressGuard(new URL('http://[fd00::5]:5000'), [], resolve)
    expect(lookUp(guard, 'inner.corp')).toBeNull()
    expect(guard.refusalOf(new URL('http://10.0.0.1/'))).toBeUndefined()
  })
})
