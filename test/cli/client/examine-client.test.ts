import { createServer } from 'node:http'
import { mkdir, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ClientMirror, ClientSetup } from '../../../src/cli/client/client-setup.ts'
import { containerdSetup } from '../../../src/cli/client/containerd.ts'
import { dockerSetup } from '../../../src/cli/client/docker.ts'
import {
  examineAnswer,
  examineClient,
  type ExaminedClient,
} from '../../../src/cli/client/examine-client.ts'
import { podmanSetup } from '../../../src/cli/client/podman.ts'
import { haveOpenssl, makeCertificates } from '../../support/certificates.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { startTlsServer } from '../../support/tls-server.ts'

const LAN = 'http://mirror.test:5000'

const MIRROR: ClientMirror = {
  url: new URL(LAN),
  upstreams: [
    { name: 'docker.io', prefix: 'docker.io', isDefault: true },
    { name: 'ghcr.io', prefix: 'ghcr.io', isDefault: false },
  ],
}

const CONFIG_PATH = `[plugins."io.containerd.cri.v1.images".registry]
  config_path = "/etc/containerd/certs.d"
`

type Files = Record<string, string>

function filesOf({ files }: ClientSetup): Files {
  return Object.fromEntries(files.map(({ path, content }) => [path, content]))
}

/** What is found of these files, as `level text`, without where they lie. */
async function findings(name: ExaminedClient, files: Files, mirror = MIRROR): Promise<string[]> {
  await using root = await temporaryFolder()
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root.path, path)), { recursive: true })
    await writeFile(join(root.path, path), content)
  }
  const found = await examineClient(name, mirror, root.path)
  for (const { level, fix } of found) expect(fix === null).toBe(level === 'ok')
  return found.map(({ level, text }) => `${level} ${text.replaceAll(root.path, '')}`)
}

describe('what `entrepot client` prints is found to be well', () => {
  test.each<[ExaminedClient, Files]>([
    ['docker', filesOf(dockerSetup(MIRROR))],
    [
      'containerd',
      { ...filesOf(containerdSetup(MIRROR)), '/etc/containerd/config.toml': CONFIG_PATH },
    ],
    ['podman', filesOf(podmanSetup(MIRROR))],
  ])('for %s', async (name, files) => {
    const found = await findings(name, files)
    expect(found.length).toBeGreaterThan(0)
    for (const text of found) expect(text).toMatch(/^ok /)
  })
})

function daemon(keys: object | string): Files {
  const text = typeof keys === 'string' ? keys : JSON.stringify(keys)
  return { '/etc/docker/daemon.json': text }
}

describe('docker', () => {
  const PLAIN = { 'insecure-registries': ['mirror.test:5000'] }

  test.each<[string, Files]>([
    ['fault there is no /etc/docker/daemon.json', {}],
    ['fault /etc/docker/daemon.json: registry-mirrors has not http://mirror.test:5000', daemon({})],
    [
      'fault /etc/docker/daemon.json: registry-mirrors has not http://mirror.test:5000, but https://other.test',
      daemon({ 'registry-mirrors': ['https://other.test'] }),
    ],
    [
      'fault /etc/docker/daemon.json: mirror.test:5000 has no http:// in front: dockerd does not start',
      daemon({ 'registry-mirrors': ['mirror.test:5000'] }),
    ],
    [
      'fault /etc/docker/daemon.json: http://mirror.test:5000/ghcr.io is not where the mirror has docker.io',
      daemon({ ...PLAIN, 'registry-mirrors': [`${LAN}/ghcr.io`] }),
    ],
    [
      'fault /etc/docker/daemon.json: insecure-registries has not mirror.test:5000, which speaks plain HTTP',
      daemon({ 'registry-mirrors': [LAN] }),
    ],
    [
      'fault /etc/docker/daemon.json: insecure-registries has not mirror.test:5000, which speaks plain HTTP',
      daemon({ 'registry-mirrors': [LAN], 'insecure-registries': ['http://other.test:5000'] }),
    ],
    [
      'warning /etc/docker/daemon.json: https://other.test is asked before the mirror',
      daemon({ ...PLAIN, 'registry-mirrors': ['https://other.test', LAN] }),
    ],
    [
      'warning /etc/docker/daemon.json: the mirror is asked through http://proxy.test:3128',
      daemon({
        ...PLAIN,
        'registry-mirrors': [LAN],
        proxies: { 'http-proxy': 'http://proxy.test:3128', 'no-proxy': 'localhost,.corp.test' },
      }),
    ],
  ])('%s', async (text, files) => {
    expect((await findings('docker', files)).filter((found) => !found.startsWith('ok'))).toEqual([
      text,
    ])
  })

  test('a file that is no JSON', async () => {
    const [found] = await findings('docker', daemon('{"registry-mirrors": [}'))
    expect(found).toMatch(/^fault \/etc\/docker\/daemon\.json is not understood: /)
  })

  test('a mirror that is on the same machine by another of its names', async () => {
    const mirror = { ...MIRROR, url: new URL('http://127.0.0.1:5000') }
    const files = daemon({ 'registry-mirrors': ['http://localhost:5000/'] })
    expect(await findings('docker', files, mirror)).toEqual([
      'ok /etc/docker/daemon.json: registry-mirrors has http://localhost:5000',
    ])
  })
})

describe('containerd', () => {
  const WELL = {
    ...filesOf(containerdSetup(MIRROR)),
    '/etc/containerd/config.toml': CONFIG_PATH,
  }
  const hosts = (content: string) => ({
    ...WELL,
    '/etc/containerd/certs.d/ghcr.io/hosts.toml': content,
  })

  test.each<[string, Files]>([
    [
      'warning /etc/containerd/config.toml has no registry.config_path: Kubernetes does not read hosts.toml',
      { ...WELL, '/etc/containerd/config.toml': 'version = 3\n' },
    ],
    [
      'fault /etc/containerd/config.toml has registry.mirrors, which config_path does not go with',
      {
        ...WELL,
        '/etc/containerd/config.toml': `${CONFIG_PATH}[plugins."io.containerd.cri.v1.images".registry.mirrors."docker.io"]\n`,
      },
    ],
    [
      'warning /etc/containerd/config.toml has no registry.config_path: Kubernetes does not read hosts.toml',
      {
        ...WELL,
        '/etc/containerd/config.toml': `version = 3\n${CONFIG_PATH.replace('cri.v1.images', 'grpc.v1.cri')}`,
      },
    ],
    [
      `fault /etc/containerd/certs.d/ghcr.io/hosts.toml: containerd asks ${LAN} below /, where there is no mirror`,
      hosts(`[host."${LAN}"]\noverride_path = true\n`),
    ],
    [
      `fault /etc/containerd/certs.d/ghcr.io/hosts.toml: containerd asks ${LAN}/quay.io below /quay.io/v2, where there is no mirror`,
      hosts(`[host."${LAN}/quay.io"]\n`),
    ],
    [
      `fault /etc/containerd/certs.d/ghcr.io/hosts.toml has no [host."${LAN}"], but mirror.test:5000`,
      hosts('[host."mirror.test:5000"]\n'),
    ],
    [
      `fault /etc/containerd/certs.d/ghcr.io/hosts.toml has no [host."${LAN}"], but https://other.test`,
      hosts('[host."https://other.test"]\n'),
    ],
    [
      `fault /etc/containerd/certs.d/ghcr.io/hosts.toml: the capabilities of ${LAN} lack resolve`,
      hosts(`[host."${LAN}"]\ncapabilities = ["pull"]\n`),
    ],
    [
      'warning /etc/containerd/certs.d/ghcr.io/hosts.toml: https://other.test is asked before the mirror',
      hosts(`[host."https://other.test"]\n[host."${LAN}"]\n`),
    ],
  ])('%s', async (text, files) => {
    const found = await findings('containerd', files)
    expect(found.filter((one) => !one.startsWith('ok'))).toEqual([text])
  })

  test.each([
    `[host."${LAN}/v2"]\noverride_path = true\n`,
    `[host."${LAN}/ghcr.io/v2"]\noverride_path = true\n`,
    `[host."${LAN}/ghcr.io"]\n`,
  ])('nothing wrong with %j', async (content) => {
    const found = await findings('containerd', hosts(content))
    expect(found.filter((one) => !one.startsWith('ok'))).toEqual([])
  })

  test('what is wrong, with the command that prints what is right for this mirror', async () => {
    await using root = await temporaryFolder()
    const found = await examineClient('containerd', MIRROR, root.path)
    expect(found.at(-1)?.fix).toBe(
      `put there what \`entrepot client containerd --url ${LAN}\` prints`,
    )
  })

  test('a registry that is pulled past the mirror, unless `_default` has it', async () => {
    const one = { ...MIRROR, upstreams: MIRROR.upstreams.slice(0, 1) }
    const config = { '/etc/containerd/config.toml': CONFIG_PATH }
    const content =
      filesOf(containerdSetup(one))['/etc/containerd/certs.d/docker.io/hosts.toml'] ?? ''
    expect(await findings('containerd', config, one)).toContain(
      'fault there is no /etc/containerd/certs.d/docker.io/hosts.toml: docker.io is pulled past the mirror',
    )
    const inDefault = { ...config, '/etc/containerd/certs.d/_default/hosts.toml': content }
    expect(await findings('containerd', inDefault, one)).toContain(
      `ok /etc/containerd/certs.d/_default/hosts.toml has ${LAN}`,
    )
  })
})

describe('podman', () => {
  const FILE = '/etc/containers/registries.conf.d/50-entrepot.conf'
  const WELL = filesOf(podmanSetup(MIRROR))
  const changed = (from: string, to: string) => ({ [FILE]: WELL[FILE]?.replace(from, to) ?? '' })

  test.each<[string, Files]>([
    [
      'fault nothing in /etc/containers/registries.conf.d has the prefix ghcr.io',
      changed('prefix = "ghcr.io"', 'prefix = "quay.io"'),
    ],
    [
      `fault ${FILE}: ghcr.io has not mirror.test:5000 as a mirror`,
      changed('mirror.test:5000/ghcr.io', 'other.test:5000/ghcr.io'),
    ],
    [
      `fault ${FILE}: mirror.test:5000/quay.io is not where the mirror has ghcr.io`,
      changed('mirror.test:5000/ghcr.io', 'mirror.test:5000/quay.io'),
    ],
    [
      `fault ${FILE}: mirror.test:5000 speaks plain HTTP, which wants insecure = true`,
      changed('insecure = true', 'insecure = false'),
    ],
    [
      `warning ${FILE}: tags of docker.io are pulled past the mirror`,
      changed('pull-from-mirror = "all"', 'pull-from-mirror = "digest-only"'),
    ],
    [
      'fault /etc/containers/registries.conf is in the old form, beside which [[registry]] is refused',
      {
        ...WELL,
        '/etc/containers/registries.conf': '[registries.search]\nregistries = ["docker.io"]\n',
      },
    ],
    [
      'fault /etc/containers/registries.conf.d/99.conf: ghcr.io has not mirror.test:5000 as a mirror',
      {
        ...WELL,
        '/etc/containers/registries.conf.d/99.conf': '[[registry]]\nlocation = "ghcr.io"\n',
      },
    ],
  ])('%s', async (text, files) => {
    const found = await findings('podman', files)
    expect(found.filter((one) => !one.startsWith('ok'))).toEqual([text])
  })

  test('a file that is no TOML', async () => {
    const [found] = await findings('podman', { [FILE]: '[[registry]' })
    expect(found).toMatch(new RegExp(`^fault ${FILE} is not understood: `))
  })
})

test('a mirror that does not answer where clients are to find it', async () => {
  const server = createServer((_, response) => response.writeHead(200).end('{}'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  expect(await examineAnswer(url)).toMatchObject({ level: 'ok' })
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  expect(await examineAnswer(url)).toMatchObject({
    level: 'fault',
    text: `the mirror at ${url.origin} does not answer (ECONNREFUSED)`,
  })
})

test.skipIf(!haveOpenssl())('a mirror whose certificate clients may believe', async () => {
  await using folder = await temporaryFolder()
  await using server = await startTlsServer(makeCertificates(folder.path))
  const url = server.at('127.0.0.1')
  expect(await examineAnswer(url)).toMatchObject({
    level: 'warning',
    text: expect.stringMatching(/has a certificate that is not believed here \(\w+\)$/) as string,
    fix: expect.stringContaining('NODE_EXTRA_CA_CERTS') as string,
  })
})
