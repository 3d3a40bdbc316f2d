import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below those that systems give out by themselves: no other socket is on one while its process is down. */
const FIRST_PORT = 20_000
const PORTS = 12_000

let given = Math.floor(Math.random() * PORTS)

/**
 * A port that was free a moment ago and that nobody else here is given, for processes that cannot
 * tell which port they have.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + (given++ % PORTS)
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
