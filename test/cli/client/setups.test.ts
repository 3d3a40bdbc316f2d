import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { buildkitSetup } from '../../../src/cli/client/buildkit.ts'
import type { ClientMirror, ClientSetup } from '../../../src/cli/client/client-setup.ts'
import { containerdSetup } from '../../../src/cli/client/containerd.ts'
import { dockerSetup } from '../../../src/cli/client/docker.ts'
import { kubernetesSetup } from '../../../src/cli/client/kubernetes.ts'
import { podmanSetup } from '../../../src/cli/client/podman.ts'
import { run } from '../../support/processes.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const hub = { name: 'docker.io', prefix: 'docker.io', isDefault: true }
const ghcr = { name: 'ghcr.io', prefix: 'ghcr.io', isDefault: false }
const team = { name: 'registry.example.com', prefix: 'team', isDefault: false }
const withPort = { name: 'r.example.com:5000', prefix: 'r.example.com:5000', isDefault: false }

function mirror(url: string, ...upstreams: ClientMirror['upstreams']): ClientMirror {
  return { url: new URL(url), upstreams: upstreams.length > 0 ? upstreams : [hub, ghcr, team] }
}

const LAN = 'http://mirror:5000'

/** The files by their paths, as their readers understand them. */
function read({ files }: ClientSetup): Record<string, unknown> {
  return Object.fromEntries(
    files.map(({ path, content }) => [
      path,
      path.endsWith('.json') ? JSON.parse(content) : parseToml(content),
    ]),
  )
}

const HOSTS = { host: { [LAN]: { capabilities: ['pull', 'resolve'] } } }

describe('docker', () => {
  test('has the mirror of Docker Hub, and by hosts.toml that of the others', () => {
    expect(read(dockerSetup(mirror(LAN)))).toEqual({
      '/etc/docker/daemon.json': {
        'registry-mirrors': [LAN],
        'insecure-registries': ['mirror:5000'],
      },
      '/etc/docker/certs.d/ghcr.io/hosts.toml': HOSTS,
      '/etc/docker/certs.d/registry.example.com/hosts.toml': HOSTS,
    })
  })

  test('is told how the others are pulled by name', () => {
    const { notes } = dockerSetup(mirror(LAN))
    expect(notes).toContain('  docker pull mirror:5000/ghcr.io/IMAGE')
    expect(notes).toContain('  docker pull mirror:5000/team/IMAGE')
  })

  test('goes the same ways to check', () => {
    expect(dockerSetup(mirror(LAN)).routes).toEqual([
      { upstream: 'docker.io', root: '/v2', ns: undefined },
      { upstream: 'ghcr.io', root: '/v2/ghcr.io', ns: undefined },
      { upstream: 'registry.example.com', root: '/v2/team', ns: undefined },
      { upstream: 'ghcr.io', root: '/v2', ns: 'ghcr.io' },
      { upstream: 'registry.example.com', root: '/v2', ns: 'registry.example.com' },
    ])
  })

  test.each([
    'http://localhost:5000',
    'http://127.0.0.1:5000',
    'http://[::1]:5000',
    'https://mirror.example.com',
  ])('takes %s without being told that it is insecure', (url) => {
    expect(read(dockerSetup(mirror(url, hub)))).toEqual({
      '/etc/docker/daemon.json': { 'registry-mirrors': [url] },
    })
  })

  test('reaches Docker Hub by its prefix where another upstream is the default', () => {
    const other = { ...hub, isDefault: false }
    const setup = dockerSetup(mirror('https://m.example', { ...ghcr, isDefault: true }, other))
    expect(read(setup)).toMatchObject({
      '/etc/docker/daemon.json': { 'registry-mirrors': ['https://m.example/docker.io'] },
    })
    expect(setup.routes).toContainEqual({
      upstream: 'docker.io',
      root: '/docker.io/v2',
      ns: undefined,
    })
  })

  test('never takes another registry for Docker Hub', () => {
    const setup = dockerSetup(mirror('https://m.example', { ...ghcr, isDefault: true }))
    expect(Object.keys(read(setup))).toEqual(['/etc/docker/certs.d/ghcr.io/hosts.toml'])
  })

  test('names the mirror with its port where the name alone would be a user of Docker Hub', () => {
    const [, , ...pulls] = dockerSetup(mirror('http://mirror', hub, ghcr)).notes
    expect(pulls).toEqual(['  docker pull mirror:80/ghcr.io/IMAGE'])
  })
})

describe('containerd', () => {
  test('has hosts.toml for each registry, which it names in ns', () => {
    const setup = containerdSetup(mirror(LAN, hub, withPort))
    expect(read(setup)).toEqual({
      '/etc/containerd/certs.d/docker.io/hosts.toml': HOSTS,
      '/etc/containerd/certs.d/r.example.com:5000/hosts.toml': HOSTS,
    })
    expect(setup.routes).toEqual([
      { upstream: 'docker.io', root: '/v2', ns: 'docker.io' },
      { upstream: 'r.example.com:5000', root: '/v2', ns: 'r.example.com:5000' },
    ])
  })
})

/** As registries.conf has it. */
function registry(name: string, location: string): object {
  const mirrored = { location, insecure: true, 'pull-from-mirror': 'all' }
  return { prefix: name, location: name, mirror: [mirrored] }
}

describe('podman', () => {
  const FILE = '/etc/containers/registries.conf.d/50-entrepot.conf'

  test('has its names rewritten to those of the mirror', () => {
    const setup = podmanSetup(mirror(LAN))
    expect(read(setup)).toEqual({
      [FILE]: {
        registry: [
          registry('docker.io', 'mirror:5000'),
          registry('ghcr.io', 'mirror:5000/ghcr.io'),
          registry('registry.example.com', 'mirror:5000/team'),
        ],
      },
    })
    expect(setup.routes.map(({ root }) => root)).toEqual(['/v2', '/v2/ghcr.io', '/v2/team'])
  })

  test('wants a certificate of a mirror with TLS', () => {
    expect(read(podmanSetup(mirror('https://m.example', ghcr)))).toMatchObject({
      [FILE]: { registry: [{ mirror: [{ location: 'm.example/ghcr.io', insecure: false }] }] },
    })
  })

  test('has no name for an upstream whose prefix has a port', () => {
    const setup = podmanSetup(mirror(LAN, hub, withPort))
    expect(setup.routes.map(({ upstream }) => upstream)).toEqual(['docker.io'])
    expect(setup.notes.join('\n')).toContain('r.example.com:5000 cannot be pulled')
    const given = podmanSetup(mirror(LAN, hub, { ...withPort, prefix: 'r' }))
    expect(given.routes).toHaveLength(2)
  })
})

describe('buildkit', () => {
  const FILE = '/etc/buildkit/buildkitd.toml'

  test('has the mirror of each registry, and is told of plain HTTP', () => {
    expect(read(buildkitSetup(mirror(LAN, hub, ghcr)))).toEqual({
      [FILE]: {
        registry: {
          'docker.io': { mirrors: ['mirror:5000'] },
          'ghcr.io': { mirrors: ['mirror:5000'] },
          'mirror:5000': { http: true },
        },
      },
    })
    expect(read(buildkitSetup(mirror('https://m.example', hub)))).toEqual({
      [FILE]: { registry: { 'docker.io': { mirrors: ['m.example'] } } },
    })
  })
})

describe('kubernetes', () => {
  interface Installed {
    kind: string
    data?: { 'hosts.toml': string }
    spec?: {
      template: {
        metadata: { annotations: Record<string, string> }
        spec: { initContainers: { command: string[] }[] }
      }
    }
  }

  function objects(setup: ClientSetup): Installed[] {
    const [file] = setup.files
    return parseAllDocuments(file?.content ?? '').map((one) => one.toJS() as Installed)
  }

  function stamp(...args: Parameters<typeof mirror>) {
    return objects(kubernetesSetup(mirror(...args)))[1]?.spec?.template.metadata.annotations
  }

  test('installs hosts.toml of each registry on every node', async () => {
    const [map, set] = objects(kubernetesSetup(mirror(LAN, hub, withPort)))
    expect(map?.kind).toBe('ConfigMap')
    expect(parseToml(map?.data?.['hosts.toml'] ?? '')).toEqual(HOSTS)
    expect(set?.kind).toBe('DaemonSet')

    await using node = await temporaryFolder()
    const certs = join(node.path, 'certs')
    await mkdir(join(node.path, 'hosts'))
    await writeFile(join(node.path, 'hosts/hosts.toml'), map?.data?.['hosts.toml'] ?? '')
    const command = set?.spec?.template.spec.initContainers[0]?.command ?? []
    await run(command.map((word) => word.replaceAll(/\/(?=certs|hosts\/)/g, `${node.path}/`)))
    for (const registry of ['docker.io', 'r.example.com:5000']) {
      const installed = await readFile(join(certs, registry, 'hosts.toml'), 'utf8')
      expect(parseToml(installed)).toEqual(HOSTS)
    }
  })

  test('installs on all nodes at once that have such a containerd', () => {
    const [, set] = objects(kubernetesSetup(mirror(LAN, hub)))
    expect(set?.spec).toMatchObject({
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%' } },
      template: { spec: { nodeSelector: { 'kubernetes.io/os': 'linux' } } },
    })
  })

  test('installs again what has changed, and only then', () => {
    expect(stamp(LAN, hub)).toEqual(stamp(LAN, hub))
    expect(stamp(LAN, hub)).not.toEqual(stamp(LAN, hub, ghcr))
    expect(stamp(LAN, hub)).not.toEqual(stamp('http://other:5000', hub))
  })
})
