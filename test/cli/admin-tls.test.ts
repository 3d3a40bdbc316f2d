import { once } from 'node:events'
import { copyFile, writeFile } from 'node:fs/promises'
import { type IncomingMessage } from 'node:http'
import { request, type RequestOptions } from 'node:https'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { examinePorts } from '../../src/doctor/ports.ts'
import { type Certificates, haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { RunningProcess } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { ENTREPOT, runEntrepot } from './run-entrepot.ts'
import { lineOf, spawnMirror } from './spawned-mirror.ts'

const UPSTREAM = { ENTREPOT_UPSTREAMS__DOCKER_IO__URL: 'http://127.0.0.1:1' }

describe.skipIf(!haveOpenssl())('an admin listener that asks for certificates', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let ours: Certificates
  let theirs: Certificates
  let port: number
  let url: string
  let config: string
  let mirror: RunningProcess

  beforeAll(async () => {
    folder = await temporaryFolder()
    ours = makeCertificates(at('ours'))
    theirs = makeCertificates(at('theirs'))
    await show('ours')
    port = await freePort()
    url = `https://127.0.0.1:${port}`
    config = at('m.yml')
    const tls = '{ cert: cert.pem, key: key.pem, clientCa: ours/ca.pem }'
    const admin = `{ host: 0.0.0.0, port: ${port}, tls: ${tls} }`
    await writeFile(config, `listen: { port: 0 }\nadmin: ${admin}`)
    const env = { ...UPSTREAM, ENTREPOT_CONFIG: config, ENTREPOT_ADMIN__PORT: '' }
    mirror = spawnMirror(at('data'), env)
    await lineOf(mirror, 'started')
  })

  afterAll(async () => {
    await mirror[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  function at(...path: string[]): string {
    return join(folder.path, ...path)
  }

  /** Puts the certificate of the server where the configuration has it. */
  async function show(set: string): Promise<void> {
    await copyFile(at(set, 'server.key'), at('key.pem'))
    await copyFile(at(set, 'server.pem'), at('cert.pem'))
  }

  async function statusFor(options: RequestOptions, path = '/api/v1/stats'): Promise<number> {
    const outgoing = request(`${url}${path}`, { ca: ours.ca, agent: false, ...options }).end()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    response.resume()
    return response.statusCode ?? 0
  }

  /** Of commands that believe `ca` and show the client of `set`. */
  function options(ca: string, set: string): string[] {
    const shown = ['--admin-cert', at(set, 'client.pem'), '--admin-key', at(set, 'client.key')]
    return ['--admin', url, '--admin-ca', at(ca, 'ca.pem'), ...shown]
  }

  test('answers who has one of its authority, over TLS 1.2 and newer, by any name', async () => {
    expect(await statusFor(ours.client)).toBe(200)
    expect(await statusFor({ ...ours.client, maxVersion: 'TLSv1.2' })).toBe(200)
    const headers = { host: 'mirror.tls.test' }
    expect(await statusFor({ ...ours.client, headers })).toBe(200)
  })

  test.each(['/api/v1/stats', '/metrics', '/healthz', '/'])(
    'answers nobody else at %s',
    async (path) => {
      for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
        await expect(statusFor({ maxVersion }, path)).rejects.toThrow()
        await expect(statusFor({ ...theirs.client, maxVersion }, path)).rejects.toThrow()
      }
    },
  )

  test('refuses pages of other origins, to which browsers show the certificate too', async () => {
    const headers = { origin: 'https://evil.example.com' }
    const asked = { ...ours.client, method: 'POST', headers }
    expect(await statusFor(asked, '/api/v1/evict')).toBe(403)
  })

  test('is asked by commands with options, variables and the configuration', async () => {
    const told = { code: 0, stderr: '' }
    expect(await runEntrepot(['top', ...options('ours', 'ours')])).toMatchObject(told)
    const env = {
      ENTREPOT_ADMIN__CLIENT__CA: at('ours', 'ca.pem'),
      ENTREPOT_ADMIN__CLIENT__CERT: at('ours', 'client.pem'),
      ENTREPOT_ADMIN__CLIENT__KEY: at('ours', 'client.key'),
    }
    expect(await runEntrepot(['top', '--config', config], env)).toMatchObject(told)
  })

  test('is watched live', async () => {
    const watch = ['status', '--watch', '--json', ...options('ours', 'ours')]
    await using watching = new RunningProcess([...ENTREPOT, ...watch])
    await eventually('two lines', () => watching.output.split('\n').length > 2)
    expect(JSON.parse(watching.output.split('\n')[1] ?? '')).toHaveProperty('stats')
  })

  test('is told from a daemon that does not run', async () => {
    const ca = ['--admin', url, '--admin-ca', at('ours', 'ca.pem')]
    const none = await runEntrepot(['top', ...ca])
    expect([69, 77]).toContain(none.code)
    expect(none.stderr).toMatch(
      /has ended the connection \(\w+\): where it asks for a certificate, see --admin-cert\n$/,
    )
    const other = await runEntrepot(['top', ...options('ours', 'theirs')])
    expect([69, 77]).toContain(other.code)
    expect(other.stderr).toMatch(/: where it asks for another certificate, see --admin-cert\n$/)
    expect(await runEntrepot(['top', ...options('theirs', 'ours')])).toMatchObject({
      code: 69,
      stderr: expect.stringMatching(
        /^entrepot: the certificate of the daemon at \S+ is not believed \(\w+\): see --admin-ca\n$/,
      ) as string,
    })
  })

  test('tells who asks it without TLS', async () => {
    const plain = url.replace('https:', 'http:')
    expect(await runEntrepot(['top', '--admin', plain])).toMatchObject({
      code: 69,
      stderr:
        `entrepot: what answers at ${plain} is not the admin listener of entrepot (400): ` +
        `is its URL ${url}?\n`,
    })
  })

  test('is known to doctor as a mirror', async () => {
    const { config: loaded } = await loadConfig({ file: config, environment: UPSTREAM })
    const [, finding] = await examinePorts(loaded)
    expect(finding).toMatchObject({
      level: 'ok',
      text: `admin: https://0.0.0.0:${port}: a mirror listens there`,
    })
    const { cert } = (await loadConfig({ environment: { ...UPSTREAM, ...listenWith('theirs') } }))
      .config.listen.tls!
    const other = { ...loaded, admin: { ...loaded.admin, tls: { ...loaded.admin.tls!, cert } } }
    expect((await examinePorts(other))[1]).toMatchObject({ level: 'fault' })
  })

  function listenWith(set: string): Record<string, string> {
    return {
      ENTREPOT_LISTEN__TLS__CERT: at(set, 'server.pem'),
      ENTREPOT_LISTEN__TLS__KEY: at(set, 'server.key'),
    }
  }
})

describe.skipIf(!haveOpenssl())('an admin listener with a token as well', () => {
  test('asks for both, and for the token alone where no authority is named', async () => {
    await using folder = await temporaryFolder()
    const { ca, client } = makeCertificates(folder.path)
    const pem = (name: string) => join(folder.path, name)
    const port = await freePort()
    const env = {
      ...UPSTREAM,
      ENTREPOT_ADMIN__HOST: '0.0.0.0',
      ENTREPOT_ADMIN__PORT: `${port}`,
      ENTREPOT_ADMIN__TOKEN: 'open-sesame',
      ENTREPOT_ADMIN__TLS__CERT: pem('server.pem'),
      ENTREPOT_ADMIN__TLS__KEY: pem('server.key'),
    }
    const statusFor = async (options: RequestOptions) => {
      const outgoing = request({ port, path: '/metrics', ca, agent: false, ...options }).end()
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
      response.resume()
      return response.statusCode
    }
    const headers = { authorization: 'Bearer open-sesame' }
    const clientCa = { ENTREPOT_ADMIN__TLS__CLIENT_CA: pem('ca.pem') }
    {
      await using mirror = spawnMirror(pem('data'), { ...env, ...clientCa })
      await lineOf(mirror, 'started')
      expect(await statusFor({ ...client, headers })).toBe(200)
      expect(await statusFor(client)).toBe(401)
      await expect(statusFor({ headers })).rejects.toThrow()
    }
    await using mirror = spawnMirror(pem('data'), env)
    await lineOf(mirror, 'started')
    expect(await statusFor({ headers })).toBe(200)
    expect(await statusFor({})).toBe(401)
  })
})

test('the daemon does not start where others could reach it without either', async () => {
  const reachable = { ...UPSTREAM, ENTREPOT_ADMIN__HOST: '0.0.0.0', ENTREPOT_ADMIN__PORT: '0' }
  const { code, stderr } = await runEntrepot(['serve', '--port', '0'], reachable)
  expect(code).toBe(78)
  expect(stderr).toContain('needs admin.token or admin.tls.clientCa')
})
