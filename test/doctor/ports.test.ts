import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { examinePorts } from '../../src/doctor/ports.ts'
import { createApp } from '../../src/http/app.ts'
import { startListening } from '../../src/listening.ts'
import { Routes } from '../../src/policy/routes.ts'
import { CertificateEvents } from '../../src/telemetry/certificate-events.ts'
import { Events } from '../../src/telemetry/events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { openGate } from '../support/open-gate.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test.runIf(haveOpenssl())('a mirror that speaks HTTPS is known as one', async () => {
  await using folder = await temporaryFolder()
  makeCertificates(folder.path)
  const file = join(folder.path, 'm.yml')
  const listen = '{ host: 127.0.0.1, port: 0, tls: { cert: server.pem, key: server.key } }'
  await writeFile(file, `listen: ${listen}\nadmin: { port: 0 }`)
  const { config } = await loadConfig({ file, environment: {} })
  const [logger, metrics] = [pino({ level: 'silent' }), new Metrics()]
  const parts = { routes: new Routes([]), hosted: undefined, gate: openGate }
  const app = createApp({ ...parts, events: new Events(logger, metrics), isReady: () => true })
  const certificates = new CertificateEvents(logger, metrics)
  await using listening = await startListening(app, config.listen, new FakeClock(), certificates)
  const { port } = listening.server
  const [finding] = await examinePorts({ ...config, listen: { ...config.listen, port } })
  expect(finding).toMatchObject({
    level: 'ok',
    text: `listen: https://127.0.0.1:${port}: a mirror listens there`,
  })
})
