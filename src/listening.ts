import type { Config } from './config/schema.ts'
import { CertificateWatch } from './http/certificate-watch.ts'
import { type HttpServer, listen } from './http/server.ts'
import type { CertificateEvents } from './telemetry/certificate-events.ts'
import type { Clock } from './util/clock.ts'
import type { ListenAddress } from './util/listen-url.ts'

export interface Listening extends AsyncDisposable {
  server: HttpServer
  address: ListenAddress
}

/** A listener of a configuration, with a certificate that is renewed where it has one. */
export async function startListening(
  app: Parameters<typeof listen>[0],
  { host, port, tls }: Pick<Config['admin'], 'host' | 'port' | 'tls'>,
  clock: Clock,
  events: CertificateEvents,
): Promise<Listening> {
  await using parts = new AsyncDisposableStack()
  const pair = tls && { cert: tls.cert.pem.reveal(), key: tls.key.pem.reveal() }
  const secured = pair && { ...pair, clientCa: tls.clientCa?.pem.reveal() }
  const server = parts.use(await listen(app, { host, port, tls: secured }))
  if (pair) {
    const files = { cert: tls.cert.path, key: tls.key.path }
    const use = server.useCertificate.bind(server)
    parts.use(new CertificateWatch({ files, pair, use, clock, events }))
  }
  const running = parts.move()
  return {
    server,
    address: { host: server.host, port: server.port, scheme: tls ? 'https' : 'http' },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  }
}
