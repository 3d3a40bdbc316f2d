import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { type FakeHub, startFakeHub } from '../support/fake-hub/fake-hub.ts'
import { freePort } from '../support/free-port.ts'
import { buildImage, buildIndex } from '../support/images.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { runEntrepot } from './run-entrepot.ts'

const GHCR = {
  ENTREPOT_UPSTREAMS__DOCKER_IO__DEFAULT: 'true',
  ENTREPOT_UPSTREAMS__GHCR_IO__PREFIX: 'g',
}

describe('client', () => {
  it('prints a file of JSON that can be redirected, and what to do with it elsewhere', async () => {
    const { stdout, stderr, code } = await runEntrepot(['client', 'docker', '--url', 'http://m:80'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ 'registry-mirrors': ['http://m'] })
    expect(stderr).toContain('systemctl reload docker')
  })

  it('heads the others with their paths', async () => {
    const { stdout } = await runEntrepot(['client', 'containerd', '--url', 'http://m:5000'], GHCR)
    expect(stdout).toBe(
      ['docker.io', 'ghcr.io']
        .map((name) => `# /etc/containerd/certs.d/${name}/hosts.toml\n${HOSTS}`)
        .join('\n'),
    )
  })

  it('prints paths and contents for programs', async () => {
    const args = ['client', 'containerd', '--url', 'http://m:5000', '--json']
    const { stdout, stderr } = await runEntrepot(args)
    const path = '/etc/containerd/certs.d/docker.io/hosts.toml'
    expect(JSON.parse(stdout)).toEqual([{ path, content: HOSTS }])
    expect(stderr).toBe('')
  })

  it('names this machine where the mirror listens on all of its addresses', async () => {
    const { stdout } = await runEntrepot(['client', 'containerd'], { ENTREPOT_LISTEN__PORT: '81' })
    expect(stdout).toContain(`[host."http://${hostname().toLowerCase()}:81"]`)
  })

  it('names the address where it listens on one', async () => {
    const { stdout } = await runEntrepot(['client', 'containerd'], { ENTREPOT_LISTEN__HOST: '::1' })
    expect(stdout).toContain('[host."http://[::1]:5000"]')
  })

  it.skipIf(!haveOpenssl())('speaks HTTPS where the mirror does', async () => {
    await using folder = await temporaryFolder()
    makeCertificates(folder.path)
    const { stdout } = await runEntrepot(['client', 'docker'], {
      ENTREPOT_LISTEN__TLS__CERT: join(folder.path, 'server.pem'),
      ENTREPOT_LISTEN__TLS__KEY: join(folder.path, 'server.key'),
    })
    expect(JSON.parse(stdout)).toEqual({
      'registry-mirrors': [`https://${hostname().toLowerCase()}:5000`],
    })
  })

  test.each([
    [['client'], {}],
    [['client', 'rkt'], {}],
    [['client', 'docker', '--url', 'm:5000'], {}],
    [['client', 'docker', '--url', 'http://m/path'], {}],
    [['client', 'docker', '--url', 'http://u:p@m'], {}],
    [['client', 'docker'], { ENTREPOT_LISTEN__PORT: '0' }],
    [['client', 'docker', '--url', 'http://m', '--image', 'gone.io/a'], {}],
    [['client', 'docker', '--url', 'http://m', '--image', 'docker.io/a:b:c'], {}],
  ])('ends with 64: %j %j', async (args, env) => {
    const { code, stdout, stderr } = await runEntrepot(args, env)
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
    expect(stderr).not.toBe('')
  })
})

const HOSTS = '[host."http://m:5000"]\n  capabilities = ["pull", "resolve"]\n'

describe('client --check', () => {
  const stack = new AsyncDisposableStack()
  let hub: FakeHub
  let other: FakeHub
  let mirror: MirrorProcess

  beforeAll(async () => {
    hub = stack.use(await startFakeHub())
    other = stack.use(await startFakeHub())
    const upstreams = { 'registry.test': { url: other.url, prefix: 'team' } }
    mirror = stack.use(await MirrorProcess.start({ upstreamUrl: hub.url, upstreams }))
    const image = await buildImage({ seed: 'child' })
    hub.add('library/hello-world', 'latest', buildIndex({ amd64: image }))
    hub.add('library/demo', '1', image)
    hub.add('somebody/demo', 'latest', image)
    other.add('owner/app', '1', image)
  })

  afterAll(() => stack.disposeAsync())

  const check = (client: string, ...args: string[]) =>
    mirror.entrepot('client', client, '--check', ...args)

  const HELLO = 'v2/library/hello-world/manifests/latest'
  const APP = 'owner/app/manifests/1'

  test.each([
    ['docker', [HELLO, `v2/team/${APP}`, `v2/${APP}?ns=registry.test`]],
    ['podman', [HELLO, `v2/team/${APP}`]],
    ['containerd', [`${HELLO}?ns=docker.io`, `v2/${APP}?ns=registry.test`]],
    ['buildkit', [`${HELLO}?ns=docker.io`, `v2/${APP}?ns=registry.test`]],
  ])('pulls of each upstream as %s does', async (client, urls) => {
    const { code, stdout } = await check(client, '--image', 'registry.test/owner/app:1')
    expect(stdout).toBe(urls.map((url) => `ok      ${mirror.url}/${url}\n`).join(''))
    expect(code).toBe(0)
  })

  test.each([
    ['demo:1', 'library/demo/manifests/1'],
    ['docker.io/demo:1', 'library/demo/manifests/1'],
    ['somebody/demo', 'somebody/demo/manifests/latest'],
  ])('takes the name %s, as docker pull does', async (image, path) => {
    const { stdout } = await check('docker', '--image', image)
    expect(stdout).toContain(`ok      ${mirror.url}/v2/${path}\n`)
  })

  it('pulls the config too', async () => {
    const image = await buildImage({ seed: 'with a config', layers: 1 })
    other.add('owner/config', '1', image)
    await check('podman', '--image', 'registry.test/owner/config:1')
    const config = [...image.blobs.keys()].at(-1)!
    expect(other.count({ kind: 'blob', digest: config, method: 'GET' })).toBe(1)
  })

  it('fails for an upstream of which it knows no image, and says how to name one', async () => {
    const { code, stdout, stderr } = await check('containerd')
    expect(code).toBe(1)
    expect(stdout).toContain(`ok      ${mirror.url}/${HELLO}`)
    expect(stdout).toContain('failed  registry.test: nothing is known to be there')
    expect(stdout).toContain('--image registry.test/REPOSITORY:TAG')
    expect(stderr).toBe('entrepot: 1 of 2 pulls failed\n')
  })

  it('tells what the mirror says, for programs too', async () => {
    const { code, stdout } = await check(
      'podman',
      '--image',
      'registry.test/owner/gone:1',
      '--json',
    )
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toEqual([
      { upstream: 'docker.io', isOk: true, text: `${mirror.url}/${HELLO}` },
      {
        upstream: 'registry.test',
        isOk: false,
        text: expect.stringMatching(/owner\/gone.*: 404 /) as string,
      },
    ])
  })

  it('says so when nobody is there', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const { code, stdout } = await check('docker', '--url', url)
    expect(code).toBe(1)
    expect(stdout).toContain(`failed  ${url}/${HELLO}: ECONNREFUSED\n`)
  })
})
