import { describe, expect, it } from 'vitest'
import type { TlsOptions } from '../../src/upstream/connector.ts'
import { Transport } from '../../src/upstream/transport.ts'
import { readAll } from '../../src/util/byte-reader.ts'
import { caught } from '../support/caught.ts'
import { type Certificates, haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startTlsServer } from '../support/tls-server.ts'

const { signal } = new AbortController()

async function someCertificates(): Promise<Certificates> {
  await using folder = await temporaryFolder()
  return makeCertificates(folder.path)
}

/** What the host answers to an upstream's transport. */
async function ask(upstream: URL, url: URL, tls?: TlsOptions): Promise<string> {
  await using transport = new Transport({
    upstream: 'registry.test',
    url: upstream,
    userAgent: 'entrepot/test',
    ...(tls && { tls }),
  })
  const { body } = await transport.request({
    kind: 'blob',
    method: 'GET',
    url,
    headers: {},
    signal,
  })
  return Buffer.from(await readAll(body, 100)).toString()
}

describe.skipIf(!haveOpenssl())('an upstream over TLS', async () => {
  const certificates = await someCertificates()
  const { ca, client } = certificates

  it('whose certificate nobody vouches for is not asked', async () => {
    await using server = await startTlsServer(certificates)
    const url = server.at('127.0.0.1')
    const error = await caught(ask(url, url))
    expect(error).toMatchObject({ kind: 'unreachable' })
    expect(String(error)).toMatch(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED/)
  })

  it('may have an authority of its own, which is believed of where it leads too', async () => {
    await using server = await startTlsServer(certificates)
    const url = server.at('127.0.0.1')
    const tls = { ca, verification: 'full' } as const
    expect(await ask(url, url, tls)).toBe('nobody')
    expect(await ask(url, server.at('localhost'), tls)).toBe('nobody')
  })

  it('is shown our certificate, and no other host is', async () => {
    await using server = await startTlsServer(certificates)
    const url = server.at('127.0.0.1')
    const tls = { ca, client, verification: 'full' } as const
    expect(await ask(url, url, tls)).toBe('client')
    expect(await ask(url, server.at('localhost'), tls)).toBe('nobody')
  })

  it('may be taken at its word, which goes for no other host', async () => {
    await using server = await startTlsServer(certificates)
    const url = server.at('127.0.0.1')
    const tls = { verification: 'skip' } as const
    expect(await ask(url, url, tls)).toBe('nobody')
    const error = await caught(ask(url, server.at('localhost'), tls))
    expect(error).toMatchObject({ kind: 'unreachable' })
  })
})
