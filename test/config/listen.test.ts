import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { caught } from '../support/caught.ts'
import { haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function load(listen: string) {
  await using folder = await temporaryFolder()
  makeCertificates(folder.path)
  const file = join(folder.path, 'm.yml')
  await writeFile(file, `listen: ${listen}`)
  return await loadConfig({ file, environment: {} })
}

describe.skipIf(!haveOpenssl())('tls of the listener', () => {
  test('is read from files, and shows their paths alone', async () => {
    const { config, effective } = await load('{ tls: { cert: server.pem, key: server.key } }')
    expect(config.listen.tls?.cert.pem.reveal()).toContain('BEGIN CERTIFICATE')
    expect(JSON.stringify(effective)).not.toContain('BEGIN')
  })

  test.each([
    ['{ cert: server.pem }', /m\.yml:1:\d+: listen\.tls\.key: expected/],
    ['{ cert: server.pem, key: client.key }', /listen\.tls\.key: is not the key of cert$/],
    ['{ cert: absent.pem, key: server.key }', /listen\.tls\.cert: cannot read .* \(ENOENT\)$/],
    ['{ cert: server.key, key: server.key }', /listen\.tls\.cert: expected a certificate in PEM/],
  ])('%s is refused', async (tls, message) => {
    expect(String(await caught(load(`{ tls: ${tls} }`)))).toMatch(message)
  })
})

describe('trusted proxies', () => {
  test('are addresses and networks', async () => {
    const { config } = await loadConfig({
      environment: {
        ENTREPOT_LISTEN__TRUSTED_PROXIES__0: '10.0.0.0/8',
        ENTREPOT_LISTEN__TRUSTED_PROXIES__1: '::1',
      },
    })
    expect(config.listen.trustedProxies).toEqual(['10.0.0.0/8', '::1'])
  })

  test.each(['proxy.example', '10.0.0.0/33', '::/129', '10.0.0.0/', '/8', '1.2.3'])(
    '%s is none',
    async (network) => {
      const environment = { ENTREPOT_LISTEN__TRUSTED_PROXIES__0: network }
      await expect(loadConfig({ environment })).rejects.toThrow(
        'listen.trustedProxies.0: expected an address, or a network such as 10.0.0.0/8',
      )
    },
  )
})
