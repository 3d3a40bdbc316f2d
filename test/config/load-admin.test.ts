import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadAdminAccess } from '../../src/config/load.ts'
import { caught } from '../support/caught.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('without anything it is the default', async () => {
  expect(await loadAdminAccess({ environment: {} })).toEqual({
    host: '127.0.0.1',
    port: 5001,
    tls: false,
    client: {},
  })
})

test('the environment is laid over the file', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, 'admin: { host: "::1", port: 6001, token: "${env:TOKEN}" }')
  const environment = { TOKEN: 'hunter2', ENTREPOT_ADMIN__PORT: '7001' }
  const admin = await loadAdminAccess({ file, environment })
  expect({ ...admin, token: admin.token?.reveal() }).toMatchObject({
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
  expect(await loadAdminAccess({ file, environment: {} })).toMatchObject({ port: 5001 })
})

test('the key of the listener does not stand in the way, and the files of commands are read', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, 'admin: { tls: { cert: absent.pem, key: absent.key } }')
  expect(await loadAdminAccess({ file, environment: {} })).toMatchObject({ tls: true })
  const flags = [{ flag: '--admin-ca', path: ['admin', 'client', 'ca'], text: '/absent/ca.pem' }]
  await expect(loadAdminAccess({ file, flags, environment: {} })).rejects.toThrow(
    '--admin-ca: admin.client.ca: cannot read /absent/ca.pem (ENOENT)',
  )
  const environment = { ENTREPOT_ADMIN__CLIENT__CERT: '/absent/me.pem' }
  await expect(loadAdminAccess({ file, environment })).rejects.toThrow(
    'ENTREPOT_ADMIN__CLIENT__CERT: admin.client.cert: cannot read /absent/me.pem (ENOENT)',
  )
})

test('what is wrong with it is told with its place', async () => {
  const error = await caught(loadAdminAccess({ environment: { ENTREPOT_ADMIN__PORT: 'high' } }))
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).message).toBe(
    'ENTREPOT_ADMIN__PORT: admin.port: expected a port from 0 to 65535',
  )
})
