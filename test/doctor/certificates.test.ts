import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { examineCertificates } from '../../src/doctor/certificates.ts'
import { haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const DAY_MS = 86_400_000

test.runIf(haveOpenssl())('certificates are told before they end, and when they have', async () => {
  await using folder = await temporaryFolder()
  const pem = (name: string) => join(folder.path, name)
  makeCertificates(folder.path)
  const tls = { ca: pem('ca.pem'), cert: pem('client.pem'), key: pem('client.key') }
  const own = { cert: pem('server.pem'), key: pem('server.key') }
  const file = pem('m.yml')
  await writeFile(
    file,
    JSON.stringify({
      listen: { tls: own },
      admin: { tls: own },
      upstreams: { 'docker.io': { tls } },
    }),
  )
  const { config } = await loadConfig({ file, environment: {} })
  const nowMs = Date.now()
  const levels = (atMs: number) => examineCertificates(config, atMs).map(({ level }) => level)
  expect(levels(nowMs - 60 * DAY_MS)).toEqual(['fault', 'fault', 'fault', 'fault'])
  expect(levels(nowMs)).toEqual(['warning', 'warning', 'warning', 'warning'])
  expect(levels(nowMs + 2 * DAY_MS)).toEqual(['fault', 'fault', 'fault', 'fault'])
  const [listener, admin, ca] = examineCertificates(config, nowMs + 2 * DAY_MS)
  expect(listener?.text).toMatch(/^listen\.tls\.cert: CN=server in /)
  expect(listener?.fix).toMatch(/^put a new one into .*server\.pem$/)
  expect(admin?.text).toMatch(/^admin\.tls\.cert: CN=server in /)
  expect(admin?.fix).toMatch(/^put a new one into .*server\.pem$/)
  expect(ca?.text).toMatch(/^upstreams\.docker\.io\.tls\.ca: CN=ca in .*ca\.pem ended on \d{4}-/)
})
