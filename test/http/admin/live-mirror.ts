import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { loadConfig } from '../../../src/config/load.ts'
import { startDaemon } from '../../../src/daemon.ts'
import type { Stats } from '../../../src/admin-stats.ts'
import type { Inventory } from '../../../src/inventory/inventory.ts'
import { openSqliteInventory } from '../../../src/inventory/sqlite.ts'
import { createLogger } from '../../../src/telemetry/logger.ts'
import { listenUrl } from '../../../src/util/listen-url.ts'
import { type FakeHub, type FakeHubOptions, startFakeHub } from '../../support/fake-hub/fake-hub.ts'
import { fetchedDigest } from '../../support/fetched.ts'
import { buildImage, type TestImage } from '../../support/images.ts'
import { letTimePass, writeUsesDown } from '../../support/passing-time.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { untilKept } from '../../support/until-kept.ts'
import { type Answer, ask, type AskOptions } from '../mirror.ts'

/** The whole daemon on free ports, over a data folder of its own and a fake Docker Hub. */
export interface LiveMirror extends AsyncDisposable {
  hub: FakeHub
  data: string
  /** The file of its log. */
  log: string
  /** Where clients pull. */
  url: string
  adminUrl: string
  /** Publishes an image as `repository:tag` and pulls all of it through the mirror. */
  pull(name: string, image?: TestImage): Promise<TestImage>
  /** Lets time pass: everything was used so much longer ago. */
  age(ms: number): Promise<void>
  /** Asks the admin listener; a body goes out as JSON. */
  ask(path: string, options?: Omit<AskOptions, 'body'> & { body?: object }): Promise<Answer>
  stats(): Promise<Stats>
}

interface LiveHubOptions {
  hub?: FakeHubOptions
  /** Called before the daemon starts. */
  publish?: (hub: FakeHub) => void
  /** Called with the inventory that the daemon will find. */
  record?: (inventory: Inventory) => Promise<void>
}

export async function startLiveMirror(
  env: Record<string, string> = {},
  { hub: hubOptions, publish, record }: LiveHubOptions = {},
): Promise<LiveMirror> {
  await using parts = new AsyncDisposableStack()
  const hub = parts.use(await startFakeHub(hubOptions))
  publish?.(hub)
  const { path } = parts.use(await temporaryFolder())
  const data = join(path, 'data')
  if (record) {
    await mkdir(data)
    await using inventory = await openSqliteInventory(join(data, 'inventory.db'))
    await record(inventory)
  }
  const loaded = await loadConfig({
    environment: {
      ENTREPOT_DATA: data,
      ENTREPOT_LISTEN__HOST: '127.0.0.1',
      ENTREPOT_LISTEN__PORT: '0',
      ENTREPOT_ADMIN__PORT: '0',
      ENTREPOT_UPSTREAMS__DOCKER_IO__URL: hub.url,
      ...env,
    },
  })
  const to = join(path, 'log.jsonl')
  const log = parts.use(createLogger({ level: 'debug', format: 'json', to }))
  const daemon = parts.use(await startDaemon(loaded, log, new AbortController().signal))
  const { address, adminAddress } = daemon
  const running = parts.move()
  const mirror: LiveMirror = {
    hub,
    data,
    log: to,
    url: listenUrl(address),
    adminUrl: listenUrl(adminAddress),
    async pull(name, image) {
      const [repository = '', tag = ''] = name.split(':')
      const published = image ?? (await buildImage({ seed: name }))
      hub.add(repository, tag, published)
      const url = `${mirror.url}/v2/${repository}`
      await fetchedDigest(`${url}/manifests/${tag}`)
      for (const digest of published.manifests.keys()) {
        await fetchedDigest(`${url}/manifests/${digest}`)
      }
      for (const digest of published.blobs.keys()) await fetchedDigest(`${url}/blobs/${digest}`)
      await untilKept(mirror.adminUrl, published.root.digest, tag)
      return published
    },
    async age(ms) {
      await writeUsesDown(mirror.adminUrl)
      letTimePass(data, ms)
    },
    ask: (to, { body, headers, ...options } = {}) =>
      ask(adminAddress, `/api/v1/${to}`, {
        ...options,
        headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
        ...(body && { body: JSON.stringify(body) }),
      }),
    async stats() {
      return JSON.parse((await mirror.ask('stats')).body.toString()) as Stats
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
  return mirror
}

/** The JSON of an answer. */
export function jsonOf(answer: Answer): unknown {
  return JSON.parse(answer.body.toString())
}

/** The JSON of each line of an answer. */
export function linesOf(answer: Answer): Record<string, unknown>[] {
  const lines = answer.body.toString().split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}
