import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadAdminConfig } from '../../src/config/load.ts'
import { caught } from '../support/caught.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('without anything it is the default', async () => {
  expect(await loadAdminConfig({ environment: {} })).toEqual({ host: '127.0.0.1', port: 5001 })
})

test('the environment is laid over the file', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, 'admin: { host: "::1", port: 6001, token: "${env:TOKEN}" }')
  const environment = { TOKEN: 'hunter2', ENTREPOT_ADMIN__PORT: '7001' }
  const admin = await loadAdminConfig({ file, environment })
  expect({ ...admin, token: admin.token?.reveal() }).toEqual({
    host: '::1',
    port: 7001,
    token: 'hunter2',
  })
})

test('secrets of upstreams that only the daemon can read do not stand in the way', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  const credentials = '[{ username: team, password: "${env:NOT_SET}" }]'
  await writeFile(file, `upstreams: { docker.io: { credentials: ${credentials} } }`)
  expect(await loadAdminConfig({ file, environment: {} })).toMatchObject({ port: 5001 })
})

test('what is wrong with it is told with its place', async () => {
  const error = await caught(loadAdminConfig({ environment: { ENTREPOT_ADMIN__PORT: 'high' } }))
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).message).toBe(
    'ENTREPOT_ADMIN__PORT: admin.port: expected a port from 0 to 65535',
  )
})
