import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { startFakeHub } from '../support/fake-hub/fake-hub.ts'
import { freePort } from '../support/free-port.ts'
import { smallDisk } from '../support/small-disk.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startTlsServer } from '../support/tls-server.ts'
import { runEntrepot } from './run-entrepot.ts'

const MIB = 1024 * 1024

interface Checked {
  valid: boolean
  connections: { part: string; name: string; url?: string; fault: string | null }[]
}

describe('config check --connect', () => {
  test('tells that all can be used, in a line each, and leaves nothing', async () => {
    await using folder = await temporaryFolder()
    await using hub = await startFakeHub()
    const { code, stdout, stderr } = await check(folder.path, {
      data: join(folder.path, 'not', 'yet'),
      upstreams: { 'docker.io': { url: hub.url } },
    })
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^data +.*not\/yet +can be written, .* free$/m)
    expect(stdout).toMatch(new RegExp(`^upstream +docker.io +answers at ${hub.url}/$`, 'm'))
    expect(await readdir(folder.path)).toEqual(['m.yml'])
  })

  test('reads the file of users, which the check of the configuration does not', async () => {
    await using folder = await temporaryFolder()
    await using hub = await startFakeHub()
    const htpasswd = join(folder.path, 'users')
    const upstreams = { 'docker.io': { url: hub.url } }
    const config = { data: join(folder.path, 'data'), auth: { htpasswd }, upstreams }
    expect((await check(folder.path, config)).stdout).toContain(
      `FAILED: cannot read ${htpasswd} (ENOENT)`,
    )
    await writeFile(htpasswd, '# nobody yet\n')
    expect((await check(folder.path, config)).stdout).toMatch(/^users +.*users +can be used$/m)
    await writeFile(htpasswd, 'ci:secret\n')
    const { code, connections } = await checkJson(folder.path, config)
    expect(code).toBe(1)
    expect(connections.find(({ part }) => part === 'users')?.fault).toMatch(
      /users:1:4: expected a bcrypt hash/,
    )
  })

  test('ends with 1 and tells of each that cannot be used, and why', async () => {
    await using folder = await temporaryFolder()
    await using hub = await startFakeHub()
    hub.fault({ server: 'registry', path: /^\/v2\/$/ }, { kind: 'answer', status: 404 })
    const nowhere = `127.0.0.1:${await freePort()}`
    const keys = { accessKeyId: 'a', secretAccessKey: 'b', forcePathStyle: true }
    const { code, stderr, connections } = await checkJson(folder.path, {
      data: join(folder.path, 'm.yml', 'data'),
      store: { type: 's3', bucket: 'images', endpoint: `http://${nowhere}`, ...keys },
      upstreams: {
        'docker.io': { url: hub.url, failover: [{ url: `http://${nowhere}` }] },
      },
    })
    expect(code).toBe(1)
    expect(stderr).toBe('entrepot: 4 connections failed\n')
    expect(connections.map(({ part, name }) => `${part} ${name}`)).toEqual([
      `data ${join(folder.path, 'm.yml', 'data')}`,
      'store images',
      'upstream docker.io',
      'upstream docker.io',
    ])
    const [data, store, main, failover] = connections.map(({ fault }) => fault)
    expect(data).toMatch(/ENOTDIR/)
    expect(store).toMatch(/^cannot use the bucket images: .*ECONNREFUSED/)
    expect(main).toMatch(/answered 404/)
    expect(failover).toMatch(/cannot be reached \(ECONNREFUSED\)/)
  })

  test('tells of credentials that a registry does not take', async () => {
    await using folder = await temporaryFolder()
    await using hub = await startFakeHub({ credentials: [{ username: 'alice', password: 'x' }] })
    const credentials = [{ username: 'alice', password: 'old-one' }]
    const { code, connections } = await checkJson(folder.path, {
      data: join(folder.path, 'data'),
      upstreams: { 'docker.io': { url: hub.url, credentials } },
    })
    expect(code).toBe(1)
    const { fault } = connections.at(-1) ?? {}
    expect(fault).toMatch(/the token server \S+ does not take the credentials$/)
  })

  test('tells when a disk is too full to keep anything', async (context) => {
    await using disk = await smallDisk(context, { sizeBytes: MIB })
    await using folder = await temporaryFolder()
    await using hub = await startFakeHub()
    const config = { data: disk.path, upstreams: { 'docker.io': { url: hub.url } } }
    expect((await checkJson(folder.path, config)).code).toBe(0)
    await writeFile(join(disk.path, 'others'), Buffer.alloc(0.8 * MIB))
    const { code, connections } = await checkJson(folder.path, config)
    expect(code).toBe(1)
    expect(connections[0]?.fault).toMatch(/eviction.minFree is left: nothing new is kept/)
  })

  test('asks nobody where the configuration is wrong', async () => {
    await using folder = await temporaryFolder()
    const { code, stdout } = await check(folder.path, { listen: { prt: 1 } }, '--json')
    expect(code).toBe(78)
    expect(JSON.parse(stdout)).not.toHaveProperty('connections')
  })
})

describe.runIf(haveOpenssl())('config check --connect of an upstream with TLS', () => {
  test('tells where to name a certificate that is not believed', async () => {
    await using folder = await temporaryFolder()
    const pem = join(folder.path, 'pem')
    await using server = await startTlsServer(makeCertificates(pem))
    const url = server.at('127.0.0.1').href
    const upstream = (tls: object) => ({ upstreams: { 'docker.io': { url, ...tls } } })
    const { code, connections } = await checkJson(folder.path, upstream({}))
    expect(code).toBe(1)
    expect(connections[1]?.fault).toMatch(
      /certificate is not believed \(.*see upstreams.docker.io.tls/,
    )
    const believed = await checkJson(folder.path, upstream({ tls: { ca: join(pem, 'ca.pem') } }))
    expect(believed).toMatchObject({ code: 0, valid: true })
  })
})

async function check(folder: string, config: object, ...options: string[]) {
  const file = join(folder, 'm.yml')
  await writeFile(file, JSON.stringify({ data: join(folder, 'data'), ...config }))
  return runEntrepot(['config', 'check', file, '--connect', ...options])
}

async function checkJson(folder: string, config: object) {
  const { code, stdout, stderr } = await check(folder, config, '--json')
  return { code, stderr, ...(JSON.parse(stdout) as Checked) }
}
