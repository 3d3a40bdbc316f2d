import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { MirrorStage } from '../cli/mirror-stage.ts'
import { haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { ContainerFile } from '../support/container-file.ts'
import { freePort } from '../support/free-port.ts'
import { RunningProcess } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const DOCKERFILE = fileURLToPath(new URL('../../deploy/Dockerfile', import.meta.url))

test('its container is healthy while a mirror listens on the port', async () => {
  await using stage = await MirrorStage.start()
  const { port } = new URL(stage.url)
  expect(await health(port)).toBe(0)
  expect(await health(`${await freePort()}`)).toBe(1)
})

test.skipIf(!haveOpenssl())('and so where that mirror has TLS', async () => {
  await using folder = await temporaryFolder()
  makeCertificates(folder.path)
  await using stage = await MirrorStage.start({
    ENTREPOT_LISTEN__TLS__CERT: join(folder.path, 'server.pem'),
    ENTREPOT_LISTEN__TLS__KEY: join(folder.path, 'server.key'),
  })
  expect(await health(new URL(stage.url).port)).toBe(0)
})

/** What HEALTHCHECK ends with. */
async function health(port: string): Promise<number | null | undefined> {
  const check = (await ContainerFile.read(DOCKERFILE)).final('HEALTHCHECK')
  const [program, ...args] = JSON.parse(check.slice(check.indexOf('['))) as string[]
  expect(program).toBe('node')
  const env = { ENTREPOT_LISTEN__PORT: port }
  await using asking = new RunningProcess([process.execPath, ...args], { env })
  return (await asking.exited).code
}
