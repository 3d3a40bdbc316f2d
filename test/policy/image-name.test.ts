import {
  array,
  assert,
  constant,
  constantFrom,
  oneof,
  property,
  string,
  stringMatching,
} from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseDigest } from '../../src/oci/digest.ts'
import { formatImage, parseRepository, parseTag } from '../../src/oci/reference.ts'
import { imageOf, parseImageName, qualifyPattern } from '../../src/policy/image-name.ts'
import { Routes, type RouteUpstream } from '../../src/policy/routes.ts'
import { MemorySource } from '../support/memory-source.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`

function upstream(name: string, options: Partial<RouteUpstream> = {}): RouteUpstream {
  return { name, prefix: name, hosts: [], isDefault: false, source: new MemorySource(), ...options }
}

const routes = new Routes([
  upstream('docker.io', { isDefault: true }),
  upstream('registry.example.com', { prefix: 'team' }),
  upstream('localhost:5001'),
])

function read(text: string): string | undefined {
  const name = parseImageName(text, routes)
  return name && [name.repository.registry, name.repository.name, name.target].join(' ').trimEnd()
}

describe('the repository', () => {
  test.each([
    ['alpine', 'docker.io library/alpine'],
    ['library/alpine', 'docker.io library/alpine'],
    ['grafana/grafana', 'docker.io grafana/grafana'],
    ['docker.io/alpine', 'docker.io library/alpine'],
    ['docker.io/library/alpine', 'docker.io library/alpine'],
    ['index.docker.io/library/alpine', 'docker.io library/alpine'],
    ['registry.example.com/app', 'registry.example.com app'],
    ['team/app', 'registry.example.com app'],
    ['localhost:5001/app', 'localhost:5001 app'],
  ])('%s is that of a configured upstream', (text, expected) => {
    expect(read(text)).toBe(expected)
  })

  test.each([
    ['gone.example.com/owner/app', 'gone.example.com owner/app'],
    ['gone.example.com:5000/app:1', 'gone.example.com:5000 app 1'],
    ['localhost/app', 'localhost app'],
  ])('%s may be that of an upstream that is no longer configured', (text, expected) => {
    expect(read(text)).toBe(expected)
  })

  test('without a registry is nobody’s where there is no default upstream', () => {
    const none = new Routes([upstream('ghcr.io')])
    expect(parseImageName('alpine', none)).toBeUndefined()
    expect(parseImageName('ghcr.io/owner/app', none)).toBeDefined()
  })
})

describe('the image', () => {
  test.each([
    ['alpine:3', 'docker.io library/alpine 3'],
    ['docker.io/library/alpine:3.20', 'docker.io library/alpine 3.20'],
    [`alpine@${DIGEST}`, `docker.io library/alpine ${DIGEST}`],
    [`alpine:3@${DIGEST}`, `docker.io library/alpine ${DIGEST}`],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected)
  })
})

test.each([
  '',
  ':3',
  '/alpine',
  'alpine/',
  'alpine:',
  'alpine: 3',
  'Alpine',
  'alpine@',
  'alpine@sha256:abc',
  `alpine@${DIGEST}@${DIGEST}`,
  'team/',
  'docker.io/',
  'docker.io/../alpine',
])('"%s" is no name', (text) => {
  expect(read(text)).toBeUndefined()
})

const text = oneof(
  string(),
  array(
    constantFrom(
      'docker.io/',
      'team/',
      'localhost:5001',
      'a',
      '..',
      '/',
      ':',
      '@',
      '%2e',
      '\0',
      DIGEST,
    ),
    { maxLength: 8 },
  ).map((parts) => parts.join('')),
)

test('anything is read without failing, and what is read is a name', () => {
  assert(
    property(text, (written) => {
      const { repository, target } = parseImageName(written, routes) ?? {}
      if (!repository) return
      expect(parseRepository(repository.name)).toBe(repository.name)
      expect(repository.registry).toMatch(/^[^/]+$/)
      if (target !== undefined) expect(parseDigest(target) ?? parseTag(target)).toBe(target)
    }),
    { numRuns: 1000 },
  )
})

test('what a reference is written as is read as that reference', () => {
  const name = stringMatching(/^[a-z0-9]{1,6}(\/[a-z0-9]{1,6}){1,3}$/)
  const target = oneof(
    stringMatching(/^:[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/),
    constant(`@${DIGEST}`),
  )
  const registry = constantFrom('docker.io', 'registry.example.com', 'gone.example.com:5000')
  assert(
    property(registry, name, target, (host, repository, after) => {
      expect(parseImageName(`${host}/${repository}${after}`, routes)).toEqual({
        repository: { registry: host, name: repository },
        target: after.slice(1),
      })
    }),
  )
})

describe('a pattern', () => {
  test.each([
    ['alpine:3*', 'docker.io/library/alpine:3*'],
    ['node*', 'docker.io/library/node*'],
    ['grafana/*', 'docker.io/grafana/*'],
    ['team/app:*', 'registry.example.com/app:*'],
    [`alpine@${DIGEST}`, `docker.io/library/alpine@${DIGEST}`],
  ])('%s gets its registry', (text, expected) => {
    expect(qualifyPattern(text, routes)).toBe(expected)
  })

  test.each(['docker.io/library/node:22*', 'localhost:5001/app', '*/app:1', '**', '**/base'])(
    '%s has it',
    (text) => {
      expect(qualifyPattern(text, routes)).toBe(text)
    },
  )
})

test.each([
  ['alpine', 'docker.io/library/alpine:latest'],
  ['alpine:3', 'docker.io/library/alpine:3'],
  [`alpine:3@${DIGEST}`, `docker.io/library/alpine@${DIGEST}`],
])('a client pulls by the name %s what is %s', (text, expected) => {
  expect(formatImage(imageOf(parseImageName(text, routes)!))).toBe(expected)
})
