import { once } from 'node:events'
import { copyFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request, type RequestOptions } from 'node:https'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { createApp } from '../../src/http/app.ts'
import { startListening } from '../../src/listening.ts'
import { Routes } from '../../src/policy/routes.ts'
import { CertificateEvents } from '../../src/telemetry/certificate-events.ts'
import { Events } from '../../src/telemetry/events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { openGate } from '../support/open-gate.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test.runIf(haveOpenssl())('certificates are asked for after a renewal as before it', async () => {
  await using folder = await temporaryFolder()
  const at = (...path: string[]) => join(folder.path, ...path)
  const first = makeCertificates(at('first'))
  const second = makeCertificates(at('second'))
  const show = async (set: string) => {
    await copyFile(at(set, 'server.key'), at('key.pem'))
    await copyFile(at(set, 'server.pem'), at('cert.pem'))
  }
  await show('first')
  const tls = '{ cert: cert.pem, key: key.pem, clientCa: first/ca.pem }'
  await writeFile(at('m.yml'), `admin: { port: 0, tls: ${tls} }`)
  const { config } = await loadConfig({ file: at('m.yml'), environment: {} })
  const [logger, metrics, clock] = [pino({ level: 'silent' }), new Metrics(), new FakeClock()]
  const parts = { routes: new Routes([]), hosted: undefined, gate: openGate }
  const app = createApp({ ...parts, events: new Events(logger, metrics), isReady: () => true })
  const events = new CertificateEvents(logger, metrics)
  await using listening = await startListening(app, config.admin, clock, events)

  const statusFor = async (options: RequestOptions) => {
    const { host, port } = listening.server
    const outgoing = request({ host, port, path: '/healthz', agent: false, ...options }).end()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    response.resume()
    return response.statusCode
  }

  const expectAsked = async (ca: string) => {
    expect(await statusFor({ ca, ...first.client })).toBe(200)
    await expect(statusFor({ ca })).rejects.toThrow()
    await expect(statusFor({ ca, ...second.client })).rejects.toThrow()
  }
  await expectAsked(first.ca)
  await show('second')
  clock.advance(10_000)
  await eventually('it waits again', () => clock.sleeping === 1)
  await expectAsked(second.ca)
})
