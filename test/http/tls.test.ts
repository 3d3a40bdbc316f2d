import { once } from 'node:events'
import { request as plainRequest, type IncomingMessage } from 'node:http'
import { Agent, request, type RequestOptions } from 'node:https'
import { connect as connectPlain } from 'node:net'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { connect, type TLSSocket } from 'node:tls'
import { copyFile, writeFile } from 'node:fs/promises'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { createApp } from '../../src/http/app.ts'
import { type Listening, startListening } from '../../src/listening.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import { Routes } from '../../src/policy/routes.ts'
import { CertificateEvents } from '../../src/telemetry/certificate-events.ts'
import { Events } from '../../src/telemetry/events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { type Certificates, haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { bytesOf } from '../support/images.ts'
import { MemorySource } from '../support/memory-source.ts'
import { openGate } from '../support/open-gate.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const bytes = bytesOf('layer', 3_000_000)
const BLOB = `/v2/library/demo/blobs/${digestOf(bytes)}`

describe.skipIf(!haveOpenssl())('the listener with TLS', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let certificates: Certificates
  let listening: Listening
  let clock: FakeClock
  let lines: string[]

  beforeEach(async () => {
    folder = await temporaryFolder()
    certificates = makeCertificates(join(folder.path, 'first'))
    await use('first', 'server')
    const file = join(folder.path, 'm.yml')
    await writeFile(
      file,
      'listen: { host: 127.0.0.1, port: 0, tls: { cert: cert.pem, key: key.pem } }',
    )
    const { config } = await loadConfig({ file, environment: {} })
    const hub = new MemorySource()
    hub.addBlob(parseRepository('library/demo')!, digestOf(bytes), bytes)
    const routes = new Routes([
      { name: 'docker.io', prefix: 'docker.io', hosts: [], isDefault: true, source: hub },
    ])
    lines = []
    const logger = pino({}, { write: (line) => void lines.push(line) })
    const metrics = new Metrics()
    const events = new Events(logger, metrics)
    const parts = { routes, hosted: undefined, gate: openGate, events }
    const app = createApp({ ...parts, isReady: () => true })
    clock = new FakeClock()
    const certificateEvents = new CertificateEvents(logger, metrics)
    listening = await startListening(app, config.listen, clock, certificateEvents)
  })

  afterEach(async () => {
    await listening[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  /** Puts a pair where the configuration has it. */
  async function use(set: string, cert: string, key = cert): Promise<void> {
    await copyFile(join(folder.path, set, `${key}.key`), join(folder.path, 'key.pem'))
    await copyFile(join(folder.path, set, `${cert}.pem`), join(folder.path, 'cert.pem'))
  }

  /** It looks for new files, and has done so. */
  async function look(): Promise<void> {
    clock.advance(10_000)
    await eventually('it waits again', () => clock.sleeping === 1)
  }

  async function ask(options: RequestOptions): Promise<IncomingMessage> {
    const { host, port } = listening.server
    const outgoing = request({ host, port, ca: certificates.ca, agent: false, ...options }).end()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    return response
  }

  test('serves those who know its authority', async () => {
    expect(listening.address.scheme).toBe('https')
    const response = await ask({ path: BLOB })
    expect(await buffer(response)).toEqual(bytes)
    expect((response.socket as TLSSocket).getProtocol()).toBe('TLSv1.3')
    await expect(ask({ path: BLOB, ca: undefined })).rejects.toThrow(/self-signed|unable to verify/)
  })

  test('speaks TLS 1.2, and nothing older', async () => {
    const response = await ask({ path: '/v2/', maxVersion: 'TLSv1.2' })
    expect((response.socket as TLSSocket).getProtocol()).toBe('TLSv1.2')
    const { host, port } = listening.server
    const options = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' } as const
    const old = connect({ host, port, ca: certificates.ca, ciphers: 'ALL@SECLEVEL=0', ...options })
    await expect(once(old, 'secureConnect')).rejects.toThrow(/protocol version/)
  })

  test('shows a new certificate to new connections, and goes on with the others', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const before = await ask({ path: '/v2/', agent })
    await text(before)
    const renewed = makeCertificates(join(folder.path, 'second'))
    await use('second', 'server')
    await look()
    expect(lines.filter((line) => line.includes('certificate renewed'))).toHaveLength(1)
    const after = await ask({ path: BLOB, ca: renewed.ca })
    expect(await buffer(after)).toEqual(bytes)
    const same = await ask({ path: BLOB, agent })
    expect(await buffer(same)).toEqual(bytes)
    expect(same.socket).toBe(before.socket)
    agent.destroy()
  })

  test('keeps its certificate while there is none that it could use, and tells once', async () => {
    const renewed = makeCertificates(join(folder.path, 'second'))
    await use('second', 'client', 'server')
    for (const _ of [1, 2]) await look()
    expect((await ask({ path: '/v2/' })).statusCode).toBe(200)
    await writeFile(join(folder.path, 'cert.pem'), 'half of')
    for (const _ of [1, 2]) await look()
    expect((await ask({ path: '/v2/' })).statusCode).toBe(200)
    expect(lines.filter((line) => line.includes('certificate was not renewed'))).toHaveLength(2)
    await use('second', 'server')
    await look()
    expect((await ask({ path: '/v2/', ca: renewed.ca })).statusCode).toBe(200)
  })

  test('tells who speaks plain HTTP', async () => {
    const { host, port } = listening.server
    const outgoing = plainRequest({ host, port, path: '/v2/', agent: false }).end()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    expect(response.statusCode).toBe(400)
    expect(await text(response)).toBe('this port speaks HTTPS, not plain HTTP\n')
    const pushing = plainRequest({ host, port, path: '/v2/', method: 'PUT', agent: false })
    pushing.end(bytes)
    const [refused] = (await once(pushing, 'response')) as [IncomingMessage]
    expect(refused.statusCode).toBe(400)
  })

  test('does not wait for those who say nothing when it drains', async () => {
    const { host, port } = listening.server
    const silent = connectPlain(port, host)
    const half = connectPlain(port, host)
    await Promise.all([once(silent, 'connect'), once(half, 'connect')])
    half.write(Buffer.from('16030100c8010000c40303', 'hex'))
    await ask({ path: '/v2/' })
    const closed = Promise.all([silent, half].map((socket) => once(socket.resume(), 'close')))
    await listening.server.drain(new AbortController().signal)
    await closed
  })
})
