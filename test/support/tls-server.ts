import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Certificates } from './certificates.ts'

/** Answers `/content` with that, else with the common name of the certificate that it is shown, or `nobody`. */
export async function startTlsServer({ ca, server: pair }: Certificates, content = '') {
  const options = { ...pair, ca, requestCert: true, rejectUnauthorized: false }
  const server = createServer(options, (request, response) => {
    const { subject } = (request.socket as TLSSocket).getPeerCertificate()
    response.end(request.url === '/content' ? content : (subject?.CN ?? 'nobody'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    at: (host: string) => new URL(`https://${host}:${port}/`),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
