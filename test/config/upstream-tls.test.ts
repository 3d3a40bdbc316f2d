import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { caught } from '../support/caught.ts'
import { haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function load(tls: string) {
  await using folder = await temporaryFolder()
  const certificates = makeCertificates(folder.path)
  const file = join(folder.path, 'm.yml')
  await writeFile(file, `upstreams: { registry.corp: { tls: ${tls} } }`)
  const loaded = await loadConfig({ file, environment: {} })
  return { folder: folder.path, certificates, loaded }
}

describe.skipIf(!haveOpenssl())('tls of an upstream', () => {
  test('is read from files, and shows their paths alone', async () => {
    const { folder, certificates, loaded } = await load(
      '{ ca: ca.pem, cert: client.pem, key: client.key }',
    )
    const tls = loaded.config.upstreams['registry.corp']?.tls
    expect(tls?.ca?.pem.reveal()).toBe(certificates.ca)
    expect(tls?.key?.pem.reveal()).toBe(certificates.client.key)
    expect(JSON.stringify(loaded.config)).not.toContain('BEGIN')
    expect(loaded.effective['upstreams']).toMatchObject({
      'registry.corp': {
        tls: { ca: join(folder, 'ca.pem'), key: join(folder, 'client.key') },
      },
    })
  })

  test.each([
    ['{ ca: absent.pem }', /tls\.ca: cannot read .*absent\.pem \(ENOENT\)$/],
    ['{ ca: ca.key }', /tls\.ca: expected a certificate in PEM in .*ca\.key$/],
    ['{ cert: client.pem, key: ca.pem }', /tls\.key: expected a private key .* in .*ca\.pem$/],
    ['{ cert: client.pem }', /tls\.cert: a certificate needs its key$/],
    ['{ key: client.key }', /tls\.key: a key needs its certificate$/],
    ['{ cert: client.pem, key: server.key }', /tls\.key: is not the key of cert$/],
  ])('%s is refused', async (tls, message) => {
    expect(String(await caught(load(tls)))).toMatch(message)
  })
})
