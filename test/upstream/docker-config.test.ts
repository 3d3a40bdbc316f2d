import { assert, constantFrom, json, property, string } from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { CredentialsError } from '../../src/upstream/credentials.ts'
import { entryFor, parseDockerConfig, serverNameOf } from '../../src/upstream/docker-config.ts'

function auth(user: string, password: string): string {
  return Buffer.from(`${user}:${password}`).toString('base64')
}

describe('a docker config', () => {
  it('has passwords, identity tokens, helpers and a store', () => {
    const config = parseDockerConfig(
      JSON.stringify({
        auths: {
          'ghcr.io': { auth: auth('alice', 'a:b') },
          'acr.example': { auth: auth('0000', ''), identitytoken: 'long' },
          'bare.example': { identitytoken: 'long' },
          'nul.example': { auth: auth('bob', 'x\0\0') },
        },
        credHelpers: { 'ecr.example': 'ecr-login' },
        credsStore: 'pass',
        HttpHeaders: {},
      }),
    )
    expect(Object.fromEntries(config.auths)).toEqual({
      'ghcr.io': { username: 'alice', password: 'a:b' },
      'acr.example': { username: '0000', identityToken: 'long' },
      'bare.example': { username: '<token>', identityToken: 'long' },
      'nul.example': { username: 'bob', password: 'x' },
    })
    expect(config.credHelpers.get('ecr.example')).toBe('ecr-login')
    expect(config.credsStore).toBe('pass')
  })

  test.each([
    ['{}'],
    ['null'],
    ['[]'],
    ['{"auths":[],"credHelpers":"x","credsStore":""}'],
    ['{"auths":{"a":{}}}'],
    ['{"auths":{"a":{"auth":"!!"},"b":{"auth":7},"c":null}}'],
    [`{"auths":{"a":{"auth":"${auth('', 'x')}"}}}`],
    [`{"auths":{"a":{"auth":"${auth('alice', '')}"}}}`],
  ])('%s says nothing', (text) => {
    const { auths, credHelpers, credsStore } = parseDockerConfig(text)
    expect([auths.size, credHelpers.size, credsStore]).toEqual([0, 0, undefined])
  })

  it('that is no JSON is told as such, without what is in it', () => {
    expect(() => parseDockerConfig('{"auths": secret')).toThrow(new CredentialsError('is no JSON'))
  })

  it('gives back every user and password', () => {
    const user = string({ minLength: 1 }).filter((text) => !text.includes(':'))
    const password = string({ minLength: 1 }).filter((text) => !text.endsWith('\0'))
    assert(
      property(user, password, (username, secret) => {
        const text = JSON.stringify({ auths: { host: { auth: auth(username, secret) } } })
        expect(parseDockerConfig(text).auths.get('host')).toEqual({ username, password: secret })
      }),
    )
  })

  it('of whatever JSON is read', () => {
    assert(
      property(json(), constantFrom('auths', 'credHelpers', 'credsStore'), (text, key) => {
        parseDockerConfig(text)
        parseDockerConfig(`{"${key}":${text}}`)
      }),
    )
  })
})

function find(server: string, ...keys: string[]): string | undefined {
  return entryFor(new Map(keys.map((key) => [key, key])), server)
}

describe('a registry in it', () => {
  test.each([
    ['https://registry-1.docker.io', 'https://index.docker.io/v1/'],
    ['https://ghcr.io', 'ghcr.io'],
    ['http://registry.corp:5000/base', 'registry.corp:5000'],
  ])('%s is called %s', (url, name) => {
    expect(serverNameOf(new URL(url))).toBe(name)
  })

  test.each([
    ['https://index.docker.io/v1/', 'https://index.docker.io/v1/'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['https://index.docker.io/v1/', 'https://registry-1.docker.io/v2/'],
    ['ghcr.io', 'ghcr.io'],
    ['ghcr.io', 'https://ghcr.io'],
    ['ghcr.io', 'http://ghcr.io/v1/'],
    ['registry.corp:5000', 'https://registry.corp:5000/v2/'],
  ])('%s is found under %s', (server, key) => {
    expect(find(server, 'other.example', key)).toBe(key)
  })

  test('is found under its own name before others', () => {
    expect(find('ghcr.io', 'https://ghcr.io/v2/', 'ghcr.io')).toBe('ghcr.io')
    expect(find('https://index.docker.io/v1/', 'docker.io', 'https://index.docker.io/v1/')).toBe(
      'https://index.docker.io/v1/',
    )
  })

  test.each([
    ['ghcr.io', 'evilghcr.io'],
    ['ghcr.io', 'ghcr.io:443'],
    ['ghcr.io', 'ghcr.io.evil.example'],
    ['ghcr.io', 'https://evil.example/ghcr.io'],
    ['registry.corp:5000', 'registry.corp'],
    ['docker.io.evil.example', 'docker.io'],
  ])('%s is not found under %s', (server, key) => {
    expect(find(server, key)).toBeUndefined()
  })
})
