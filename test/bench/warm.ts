import { setTimeout as sleep } from 'node:timers/promises'
import { pull } from './pull.ts'
import type { Server } from './servers.ts'
import type { BenchImage, UpstreamProcess } from './upstream-process.ts'

const ATTEMPTS = 20

/** Pulls the image until the server has all of it: docker-registry stores behind its clients' backs. */
export async function warm(
  server: Server,
  upstream: UpstreamProcess,
  image: BenchImage,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = await upstream.counters()
    const { repository } = image
    const pulled = await pull({ port: server.port, repository, clients: 1 })
    if (pulled.failures > 0) throw new Error(`${server.contender}: ${pulled.errors.join('; ')}`)
    const after = await upstream.counters()
    if (after.blobs === before.blobs) return
    await sleep(500)
  }
  throw new Error(`${server.contender} does not keep ${image.repository}`)
}
