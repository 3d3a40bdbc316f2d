import { describe, expect, it } from 'vitest'
import { isRealmAllowed } from '../../src/upstream/realm.ts'

describe('isRealmAllowed', () => {
  it.each([
    ['https://registry-1.docker.io', 'https://auth.docker.io/token'],
    ['https://registry.gitlab.com', 'https://gitlab.com/jwt/auth'],
    ['https://quay.io', 'https://quay.io/v2/auth'],
    ['https://registry.example.co.uk', 'https://auth.example.co.uk/token'],
    ['https://10.0.0.1:5000', 'https://10.0.0.1:5001/token'],
    ['http://registry.example.com', 'http://auth.example.com/token'],
    ['http://registry.example.com', 'https://auth.example.com/token'],
    ['http://localhost:5000', 'http://localhost:5001/token'],
  ])('lets %s name %s', (upstream, realm) => {
    expect(isRealmAllowed(new URL(upstream), new URL(realm), [])).toBe(true)
  })

  it.each([
    ['a foreign domain', 'https://registry-1.docker.io', 'https://auth.docker.io.evil.com/token'],
    ['a public suffix in common', 'https://one.co.uk', 'https://two.co.uk/token'],
    ['a shared host of pages', 'https://one.github.io', 'https://two.github.io/token'],
    ['another address', 'https://10.0.0.1', 'https://10.0.0.2/token'],
    ['another name without a dot', 'http://registry', 'http://auth/token'],
    ['http for https', 'https://registry-1.docker.io', 'http://auth.docker.io/token'],
    ['another protocol', 'http://registry.example.com', 'ftp://registry.example.com/token'],
  ])('refuses %s', (_, upstream, realm) => {
    expect(isRealmAllowed(new URL(upstream), new URL(realm), [])).toBe(false)
  })

  it('lets the credentials go to hosts that are listed, but not without encryption', () => {
    const upstream = new URL('https://registry.example.com')
    const isAllowed = (realm: string) =>
      isRealmAllowed(upstream, new URL(realm), ['login.example.net', 'fd00::1'])
    expect(isAllowed('https://login.example.net:8443/token')).toBe(true)
    expect(isAllowed('https://[fd00::1]/token')).toBe(true)
    expect(isAllowed('https://other.login.example.net/token')).toBe(false)
    expect(isAllowed('http://login.example.net/token')).toBe(false)
  })
})
