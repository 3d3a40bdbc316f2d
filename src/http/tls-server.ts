import { createServer, type Server } from 'node:https'
import type { RequestListener, ServerOptions } from 'node:http'
import type { Socket } from 'node:net'

/** In PEM. */
export interface KeyPair {
  cert: string
  key: string
}

export interface TlsOptions extends KeyPair {
  /** Whose certificates every connection has to show one of; none where left out. */
  clientCa?: string | undefined
}

export interface TlsServer {
  server: Server
  /** For new connections. Throws where it is none. */
  use: (pair: KeyPair) => void
  /** Ends connections that have not come as far as a request could. */
  hangUp: () => void
}

/** Who has not shown itself by then has gone. */
const HANDSHAKE_TIMEOUT_MS = 20_000
/** Of a record of TLS with a handshake, which every connection begins with. */
const HANDSHAKE = 0x16

const HINT = 'this port speaks HTTPS, not plain HTTP\n'
const PLAIN_ANSWER =
  'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n' +
  `Content-Length: ${HINT.length}\r\n\r\n${HINT}`

const FLOOR = { minVersion: 'TLSv1.2' } as const

/** HTTP/1.1 over TLS 1.2 or newer; who speaks plain HTTP is told so. Throws where the pair is none. */
export function createTlsServer(
  options: ServerOptions,
  { clientCa, ...pair }: TlsOptions,
  handle: RequestListener,
): TlsServer {
  const context = { ...FLOOR, ...(clientCa !== undefined && { ca: clientCa }) }
  const isAsked = clientCa !== undefined
  const asking = { requestCert: isAsked, rejectUnauthorized: isAsked }
  const secured = { ...pair, ...context, ...asking, handshakeTimeout: HANDSHAKE_TIMEOUT_MS }
  const server = createServer({ ...options, ...secured }, handle)
  const waiting = new Map<string, Socket>()
  const wrap = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket)
    waiting.set(peer, socket)
    socket.on('close', () => waiting.delete(peer))
    // Its end is all there is to know.
    socket.on('error', () => {})
    socket.setTimeout(HANDSHAKE_TIMEOUT_MS, () => socket.destroy())
    socket.once('readable', () => {
      const first = socket.read() as Buffer | null
      if (first === null) return void socket.destroy()
      if (first[0] !== HANDSHAKE) return answerPlainly(socket)
      socket.setTimeout(0)
      socket.unshift(first)
      for (const listener of wrap) listener.call(server, socket)
    })
  })
  server.on('secureConnection', (socket) => waiting.delete(peerOf(socket)))
  const hangUp = () => {
    for (const socket of waiting.values()) socket.destroy()
  }
  const use = (next: KeyPair) => server.setSecureContext({ ...next, ...context })
  return { server, use, hangUp }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

function answerPlainly(socket: Socket): void {
  socket.end(PLAIN_ANSWER)
  // What is left unread would take the answer with it.
  socket.resume()
}
