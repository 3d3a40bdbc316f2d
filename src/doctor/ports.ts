import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { get as getSecurely } from 'node:https'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect } from 'node:tls'
import type { PemFile } from '../config/pem-file.ts'
import type { Config } from '../config/schema.ts'
import { isUnspecified, listenUrl, localUrl, type ListenAddress } from '../util/listen-url.ts'
import { type Finding, fault, ok } from './finding.ts'

const ANSWER_WITHIN_MS = 3000

/** Whether the ports are free, or a mirror listens there already. */
export async function examinePorts({ listen, admin }: Config): Promise<Finding[]> {
  return [
    await examinePort('listen', listen),
    areOne(listen, admin)
      ? fault(
          'ports',
          `admin: port ${admin.port} is that of listen too`,
          'choose another admin.port',
        )
      : await examinePort('admin', admin),
  ]
}

function areOne(one: ListenAddress, other: ListenAddress): boolean {
  if (one.port === 0 || one.port !== other.port) return false
  return one.host === other.host || isUnspecified(one) || isUnspecified(other)
}

async function examinePort(
  key: 'listen' | 'admin',
  { host, port, tls }: Pick<Config['admin'], 'host' | 'port' | 'tls'>,
): Promise<Finding> {
  const address: ListenAddress = { host, port, scheme: tls ? 'https' : 'http' }
  if (port === 0) return ok('ports', `${key}.port is any free one`)
  const where = `${key}: ${listenUrl(address)}`
  const code = await listenFailure(address)
  if (code === undefined) return ok('ports', `${where} is free`)
  if (code !== 'EADDRINUSE') {
    return fault('ports', `${where} cannot be listened on (${code})`, FIXES[code] ?? `see ${key}`)
  }
  const isOurs = tls?.clientCa ? await showsCertificate(address, tls.cert) : await isMirror(address)
  if (isOurs) return ok('ports', `${where}: a mirror listens there`)
  const fix = `stop it (ss -ltnp 'sport = :${port}' tells who it is), or choose another ${key}.port`
  return fault('ports', `${where}: another program listens there`, fix)
}

const FIXES: Readonly<Record<string, string>> = {
  EACCES: 'ports below 1024 are for root: choose another, or see deploy/entrepot.service',
  EADDRNOTAVAIL: 'this machine has no such address: 0.0.0.0 stands for all that it has',
}

/** The code of the error; `undefined` where it can be listened on. */
export function listenFailure({
  host,
  port,
}: Pick<ListenAddress, 'host' | 'port'>): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => resolve(undefined))
    })
  })
}

/** Who asks for certificates answers nothing without one, but shows its own before that. */
async function showsCertificate(address: ListenAddress, { pem }: PemFile): Promise<boolean> {
  const { hostname } = new URL(localUrl(address))
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connect({ host, port: address.port, rejectUnauthorized: false })
  socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(new Error('it says nothing')))
  try {
    await once(socket, 'secureConnect')
    const own = new X509Certificate(pem.reveal()).fingerprint256
    return socket.getPeerX509Certificate()?.fingerprint256 === own
  } catch {
    // Whatever it is, it does not speak as a mirror does.
    return false
  } finally {
    socket.on('error', () => {}).destroy()
  }
}

async function isMirror(address: ListenAddress): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
    const url = `${localUrl(address)}/readyz`
    const asked =
      address.scheme === 'https'
        ? // It is told nothing, and its certificate has other names than this.
          getSecurely(url, { signal, rejectUnauthorized: false, agent: false })
        : get(url, { signal, agent: false })
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    return /^(not )?ready\n$/.test(await text(response))
  } catch {
    // Whatever it is, it does not speak as a mirror does.
    return false
  }
}
