import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ImageEntry } from '../../src/admin-api.ts'
import type { ClientFile } from '../../src/cli/client/client-setup.ts'
import type { Stats } from '../../src/admin-stats.ts'
import { type Ended, runEntrepot } from '../cli/run-entrepot.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { RunningProcess, type Exit } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const CLOCK_AHEAD = new URL('clock-ahead.ts', import.meta.url).href

/** Longer than anything is kept for the sake of a pull that is under way. */
const LATER_MS = 180_000

export interface MirrorSettings {
  /** Where docker.io is, for the mirror. */
  upstreamUrl: string
  /** As in the configuration; an hour where left out. */
  freshFor?: string
  /** Other upstreams than docker.io, as in the configuration. */
  upstreams?: Record<string, unknown>
  /** Further keys of the configuration. */
  config?: Record<string, unknown>
  /** Where the data folder is put; in a temporary folder where left out. */
  volume?: string
}

/** The real daemon as a process, with a data folder and a port that it keeps over restarts. */
export class MirrorProcess implements AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly dataFolder: string
  readonly adminUrl: string
  readonly #folder: AsyncDisposable & { path: string }
  #settings: MirrorSettings
  #process: RunningProcess | undefined
  #aheadMs = 0

  private constructor(
    folder: AsyncDisposable & { path: string },
    settings: MirrorSettings,
    ports: { main: number; admin: number },
  ) {
    this.#folder = folder
    this.#settings = settings
    this.host = `127.0.0.1:${ports.main}`
    this.adminUrl = `http://127.0.0.1:${ports.admin}`
    this.dataFolder = join(settings.volume ?? folder.path, 'data')
  }

  /** Starts it and waits until it is ready. */
  static async start(settings: MirrorSettings): Promise<MirrorProcess> {
    const ports = { main: await freePort(), admin: await freePort() }
    await using stack = new AsyncDisposableStack()
    const mirror = stack.use(new MirrorProcess(await temporaryFolder(), settings, ports))
    await mirror.restart()
    stack.move()
    return mirror
  }

  get url(): string {
    return `http://${this.host}`
  }

  get configFile(): string {
    return join(this.#folder.path, 'mirror.config.yml')
  }

  /** What the present process has printed. */
  get output(): string {
    return this.#process?.output ?? ''
  }

  get pid(): number {
    if (!this.#process) throw new Error('the mirror does not run')
    return this.#process.pid
  }

  /** Starts it again, after `stop` or `crash`. */
  async restart(): Promise<void> {
    const daemon = await this.spawn()
    this.#process = daemon
    await eventually('the mirror is ready', async () => {
      if (daemon.exit) throw new Error(`the mirror ended:\n${daemon.output}`)
      return fetch(`${this.url}/readyz`).then(
        (response) => response.ok,
        () => false,
      )
    })
  }

  /** Further keys of the configuration instead of those so far, for commands and the next start. */
  async configure(config: Record<string, unknown>): Promise<void> {
    this.#settings = { ...this.#settings, config }
    await this.#writeConfig()
  }

  /** Another process with the same configuration, whatever becomes of it. */
  async spawn(): Promise<RunningProcess> {
    await this.#writeConfig()
    const env = { CLOCK_AHEAD_MS: `${this.#aheadMs}`, CLOCK_AHEAD_STEP_MS: `${LATER_MS}` }
    const node = [process.execPath, '--import', CLOCK_AHEAD]
    return new RunningProcess([...node, MAIN, 'serve', '--config', this.configFile], { env })
  }

  async #writeConfig(): Promise<void> {
    const { upstreamUrl, freshFor = '1h', upstreams, config } = this.#settings
    await writeFile(
      this.configFile,
      JSON.stringify({
        ...config,
        listen: {
          ...(config?.['listen'] as object),
          host: '127.0.0.1',
          port: Number(new URL(this.url).port),
        },
        admin: { host: '127.0.0.1', port: Number(new URL(this.adminUrl).port) },
        data: this.dataFolder,
        upstreams: { 'docker.io': { url: upstreamUrl, tags: { freshFor } }, ...upstreams },
      }),
    )
  }

  /** What it says of itself on the admin listener. */
  async stats(): Promise<Stats> {
    const answer = await fetch(`${this.adminUrl}/api/v1/stats`)
    return (await answer.json()) as Stats
  }

  /** Runs a command that talks to it, to its end. */
  entrepot(...args: string[]): Promise<Ended> {
    return runEntrepot([...args, '--config', this.configFile])
  }

  /** What `entrepot client` prints. */
  async clientFiles(client: string): Promise<ClientFile[]> {
    const { stdout, stderr, code } = await this.entrepot('client', client, '--json')
    if (code !== 0) throw new Error(`entrepot client: ${stderr}`)
    return JSON.parse(stdout) as ClientFile[]
  }

  /** What `entrepot ls` lists. */
  async listed(): Promise<ImageEntry[]> {
    const { stdout, stderr, code } = await this.entrepot('ls', '--json')
    if (code !== 0) throw new Error(`entrepot ls: ${stderr}`)
    const lines = stdout.split('\n').filter(Boolean)
    return lines.map((line) => JSON.parse(line) as ImageEntry)
  }

  /** Three minutes pass for it. */
  async later(): Promise<void> {
    const { uptimeMs } = await this.stats()
    this.#aheadMs += LATER_MS
    process.kill(this.pid, 'SIGUSR2')
    await eventually('it is later', async () => {
      const stats = await this.stats()
      return stats.uptimeMs >= uptimeMs + LATER_MS
    })
  }

  /** SIGTERM; resolves when it has ended. */
  async stop(): Promise<Exit | undefined> {
    this.#process?.kill('SIGTERM')
    return this.#process?.exited
  }

  /** SIGKILL; resolves when it is gone. */
  async crash(): Promise<void> {
    this.#process?.kill('SIGKILL')
    await this.#process?.exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]()
    await this.#folder[Symbol.asyncDispose]()
  }
}
