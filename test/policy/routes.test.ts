import { assert, constantFrom, option, property, string, stringMatching } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRepository } from '../../src/oci/reference.ts'
import { Routes, type RouteUpstream } from '../../src/policy/routes.ts'
import { MemorySource } from '../support/memory-source.ts'

function upstream(name: string, options: Partial<RouteUpstream> = {}): RouteUpstream {
  return { name, prefix: name, hosts: [], isDefault: false, source: new MemorySource(), ...options }
}

const hub = upstream('docker.io', { isDefault: true })
const ghcr = upstream('ghcr.io')
const team = upstream('registry.example.com', { prefix: 'team' })
const nested = upstream('nested.example.com', { prefix: 'team/nested' })
const routes = new Routes([hub, ghcr, team, nested])

function find(name: string, ns?: string): string | undefined {
  const route = routes.find({ repository: parseRepository(name)!, ns })
  return route && `${route.via} ${route.upstream}/${route.repository}`
}

describe('without a registry in the request', () => {
  test('the default upstream answers', () => {
    expect(find('grafana/grafana')).toBe('default docker.io/grafana/grafana')
  })

  test('one-part names are official images of Docker Hub', () => {
    expect(find('alpine')).toBe('default docker.io/library/alpine')
    expect(find('library/alpine')).toBe('default docker.io/library/alpine')
  })

  test('one-part names stay as they are at another default', () => {
    const other = new Routes([upstream('quay.io', { isDefault: true })])
    expect(other.find({ repository: parseRepository('alpine')!, ns: undefined })).toMatchObject({
      repository: 'alpine',
    })
  })

  test('without a default nothing does', () => {
    const none = new Routes([ghcr])
    expect(none.find({ repository: parseRepository('a/b')!, ns: undefined })).toBeUndefined()
  })
})

describe('with a path prefix', () => {
  test.each([
    ['ghcr.io/owner/app', 'prefix ghcr.io/owner/app'],
    ['ghcr.io/app', 'prefix ghcr.io/app'],
    ['docker.io/alpine', 'prefix docker.io/library/alpine'],
    ['docker.io/library/alpine', 'prefix docker.io/library/alpine'],
    ['team/app', 'prefix registry.example.com/app'],
    ['team/nested/app', 'prefix nested.example.com/app'],
  ])('%s', (name, route) => {
    expect(find(name)).toBe(route)
  })

  test('a name that only begins like a prefix goes to the default', () => {
    expect(find('ghcr.iox/app')).toBe('default docker.io/ghcr.iox/app')
    expect(find('teams/app')).toBe('default docker.io/teams/app')
    expect(find('team')).toBe('default docker.io/library/team')
  })
})

describe('with ns', () => {
  test.each(['docker.io', 'registry-1.docker.io', 'index.docker.io'])('%s is Docker Hub', (ns) => {
    expect(find('alpine', ns)).toBe('ns docker.io/library/alpine')
  })

  test('it wins over the default and over the prefix of another upstream', () => {
    expect(find('owner/app', 'ghcr.io')).toBe('ns ghcr.io/owner/app')
    expect(find('docker.io/app', 'ghcr.io')).toBe('ns ghcr.io/docker.io/app')
  })

  test('the host of its own upstream in the path is not part of the name', () => {
    expect(find('ghcr.io/owner/app', 'ghcr.io')).toBe('ns ghcr.io/owner/app')
    expect(find('docker.io/alpine', 'docker.io')).toBe('ns docker.io/library/alpine')
  })

  test('a prefix that may as well be a name stays, or another image would be served', () => {
    expect(find('team/app', 'registry.example.com')).toBe('ns registry.example.com/team/app')
  })

  test('a registry that is not configured is nobody, the default neither', () => {
    expect(find('owner/app', 'evil.example.com')).toBeUndefined()
    expect(find('ghcr.io/owner/app', 'evil.example.com')).toBeUndefined()
    expect(find('alpine', '')).toBeUndefined()
    expect(find('alpine', '__proto__')).toBeUndefined()
  })
})

describe('by the address that the client was given', () => {
  const quay = upstream('quay.io', { hosts: ['quay.mirror.example'] })
  const addressed = new Routes([hub, ghcr, team, quay])
  const found = (name: string, address: { prefix?: string; host?: string; ns?: string }) => {
    const repository = parseRepository(name)!
    const route = addressed.find({ repository, ns: undefined, ...address })
    return route && `${route.via} ${route.upstream}/${route.repository}`
  }

  test('a prefix in front of the registry leaves the whole name to the upstream', () => {
    expect(found('owner/app', { prefix: 'ghcr.io' })).toBe('prefix ghcr.io/owner/app')
    expect(found('alpine', { prefix: 'docker.io' })).toBe('prefix docker.io/library/alpine')
    expect(found('team/app', { prefix: 'ghcr.io' })).toBe('prefix ghcr.io/team/app')
    expect(found('owner/app', { prefix: 'evil.example.com' })).toBeUndefined()
    expect(addressed.hasPrefix('team')).toBe(true)
    expect(addressed.hasPrefix('tea')).toBe(false)
  })

  test('a host of ours is one upstream, with any port and in any case', () => {
    for (const host of ['quay.mirror.example', 'Quay.Mirror.example:5000']) {
      expect(found('ghcr.io/app', { host })).toBe('host quay.io/ghcr.io/app')
    }
    expect(found('ghcr.io/app', { host: 'other.example:5000' })).toBe('prefix ghcr.io/app')
  })

  test('what says more comes first', () => {
    const all = { host: 'quay.mirror.example', prefix: 'team', ns: 'ghcr.io' }
    expect(found('a/b', all)).toBe('ns ghcr.io/a/b')
    expect(found('a/b', { host: all.host, prefix: all.prefix })).toBe(
      'prefix registry.example.com/a/b',
    )
  })
})

test('whatever is asked, a route leads to a configured upstream and a valid name within what was asked', () => {
  const name = stringMatching(
    /^((docker\.io|ghcr\.io|team|team\/nested)\/)?[a-z0-9]{1,6}(\/[a-z]{1,4}){0,2}$/,
  )
  const ns = option(constantFrom('docker.io', 'ghcr.io', 'registry.example.com', 'x'), {
    nil: undefined,
  })
  const prefix = option(constantFrom('ghcr.io', 'team/nested', 'tea', '..', '%2e', ''), {
    nil: undefined,
  })
  const host = option(string(), { nil: undefined })
  assert(
    property(name, ns, prefix, host, (text, namespace, before, address) => {
      const asked = { repository: parseRepository(text)!, ns: namespace, prefix: before }
      const route = routes.find({ ...asked, host: address })
      const isConfigured =
        namespace === undefined
          ? before === undefined || routes.hasPrefix(before)
          : namespace !== 'x'
      expect(route !== undefined).toBe(isConfigured)
      if (!route) return
      const { repository } = route
      expect([hub, ghcr, team, nested].map((known) => known.source)).toContain(route.source)
      expect(parseRepository(repository)).toBe(repository)
      expect(text.endsWith(repository.replace(/^library\//, ''))).toBe(true)
      if (route.upstream === 'docker.io') expect(repository).toContain('/')
    }),
  )
})
