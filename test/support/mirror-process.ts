import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { RunningProcess, type Exit } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface MirrorSettings {
  /** Where docker.io is, for the mirror. */
  upstreamUrl: string
  /** As in the configuration; an hour where left out. */
  freshFor?: string
}

/** The part of the statistics that the tests look at. */
export interface MirrorStats {
  pulls: Record<'hit' | 'miss' | 'join' | 'stale' | 'bypass', number>
  bytes: { served: number; fetched: number }
  store: { entries: number }
  fills: { followers: number }[]
}

/** The real daemon as a process, with a data folder and a port that it keeps over restarts. */
export class MirrorProcess implements AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly dataFolder: string
  readonly adminUrl: string
  readonly #folder: AsyncDisposable & { path: string }
  readonly #settings: MirrorSettings
  #process: RunningProcess | undefined

  private constructor(
    folder: AsyncDisposable & { path: string },
    settings: MirrorSettings,
    ports: { main: number; admin: number },
  ) {
    this.#folder = folder
    this.#settings = settings
    this.host = `127.0.0.1:${ports.main}`
    this.adminUrl = `http://127.0.0.1:${ports.admin}`
    this.dataFolder = join(folder.path, 'data')
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

  /** Another process with the same configuration, whatever becomes of it. */
  async spawn(): Promise<RunningProcess> {
    const config = join(this.#folder.path, 'mirror.config.yml')
    const { upstreamUrl, freshFor = '1h' } = this.#settings
    await writeFile(
      config,
      JSON.stringify({
        listen: { host: '127.0.0.1', port: Number(new URL(this.url).port) },
        admin: { host: '127.0.0.1', port: Number(new URL(this.adminUrl).port) },
        data: this.dataFolder,
        upstreams: { 'docker.io': { url: upstreamUrl, tags: { freshFor } } },
      }),
    )
    return new RunningProcess([process.execPath, MAIN, 'serve', '--config', config])
  }

  /** What it says of itself on the admin listener. */
  async stats(): Promise<MirrorStats> {
    const answer = await fetch(`${this.adminUrl}/api/v1/stats`)
    return (await answer.json()) as MirrorStats
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
