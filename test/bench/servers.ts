import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync, closeSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { S3Options } from '../../src/store/s3-bucket.ts'
import { freePort } from '../support/free-port.ts'
import { cpuSecondsOf, peakRssBytesOf, resetPeakRss, rssBytesOf } from './proc.ts'

const READY_WITHIN_MS = 20_000

/** The servers that are measured against each other. */
export const CONTENDERS = ['entrepot', 'docker-registry'] as const
export type Contender = (typeof CONTENDERS)[number]

interface Setup {
  port: number
  /** Further keys of the server's configuration. */
  config: Record<string, unknown>
  adminPort: number
  folder: string
  upstreamUrl: string
}

/** Both mirror one upstream, store on the disk and write one line a request to a file. */
const COMMANDS = {
  entrepot: {
    config: (setup: Setup) => ({
      ...setup.config,
      listen: { host: '127.0.0.1', port: setup.port },
      admin: { host: '127.0.0.1', port: setup.adminPort },
      data: dataFolderOf(setup.folder),
      upstreams: { 'docker.io': { url: setup.upstreamUrl, default: true } },
      log: { level: 'info', format: 'json' },
    }),
    command: (configFile: string) => [
      process.execPath,
      fileURLToPath(new URL('../../src/main.ts', import.meta.url)),
      'serve',
      '--config',
      configFile,
    ],
  },
  'docker-registry': {
    config: (setup: Setup) => ({
      version: '0.1',
      log: { level: 'error', accesslog: { disabled: false } },
      storage: {
        cache: { blobdescriptor: 'inmemory' },
        filesystem: { rootdirectory: dataFolderOf(setup.folder) },
        delete: { enabled: true },
      },
      http: { addr: `127.0.0.1:${setup.port}` },
      proxy: { remoteurl: setup.upstreamUrl },
      ...setup.config,
    }),
    command: (configFile: string) => ['docker-registry', 'serve', configFile],
  },
} as const

/** What has docker-registry keep content in a bucket, and pass it on itself. */
export function registryOnS3({ bucket, region, endpoint, credentials }: S3Options) {
  return {
    storage: {
      cache: { blobdescriptor: 'inmemory' },
      s3: {
        accesskey: credentials?.accessKeyId,
        secretkey: credentials?.secretAccessKey,
        region,
        regionendpoint: endpoint?.origin,
        bucket,
        secure: false,
        rootdirectory: '/registry',
      },
      delete: { enabled: true },
      redirect: { disable: true },
    },
  }
}

export interface ServerOptions {
  /** A folder with the data folder in it that is kept; a new one that goes with the server where left out. */
  folder?: string
  config?: Record<string, unknown>
}

/** One server process on a data folder. */
export class Server implements AsyncDisposable {
  readonly contender: Contender
  readonly port: number
  readonly adminPort: number
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #isFolderKept: boolean
  readonly #spawnedMs = performance.now()
  #readyMs = NaN

  private constructor(
    contender: Contender,
    { port, adminPort, folder }: Setup,
    child: ChildProcess,
    { folder: keptFolder }: ServerOptions,
  ) {
    this.contender = contender
    this.port = port
    this.adminPort = adminPort
    this.#child = child
    this.#folder = folder
    this.#isFolderKept = keptFolder !== undefined
  }

  /** Returns when it answers. */
  static async start(
    contender: Contender,
    upstreamUrl: string,
    options: ServerOptions = {},
  ): Promise<Server> {
    const parent = fileURLToPath(new URL('../../build/bench/', import.meta.url))
    await mkdir(parent, { recursive: true })
    const folder = options.folder ?? (await mkdtemp(join(parent, `${contender}-`)))
    const { config = {} } = options
    const port = await freePort()
    const setup = { port, adminPort: await freePort(), folder, upstreamUrl, config }
    const configFile = join(folder, 'config.yml')
    // JSON is YAML.
    await writeFile(configFile, JSON.stringify(COMMANDS[contender].config(setup)))
    const [file = '', ...args] = COMMANDS[contender].command(configFile)
    const log = openSync(join(folder, 'log'), 'w')
    // docker-registry does not start on S3 where this is set.
    const env = { ...process.env, AWS_CA_BUNDLE: undefined }
    const child = spawn(file, args, { stdio: ['ignore', log, log], env })
    closeSync(log)
    const server = new Server(contender, setup, child, options)
    await server.#untilReady()
    return server
  }

  /** From the start of the process to its first answer. */
  get startMs(): number {
    return this.#readyMs - this.#spawnedMs
  }

  get dataFolder(): string {
    return dataFolderOf(this.#folder)
  }

  get cpuSeconds(): number {
    return cpuSecondsOf(this.#child.pid!)
  }

  get rssBytes(): number {
    return rssBytesOf(this.#child.pid!)
  }

  get peakRssBytes(): number {
    return peakRssBytesOf(this.#child.pid!)
  }

  resetPeakRss(): void {
    resetPeakRss(this.#child.pid!)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      const killer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000)
      await exited
      clearTimeout(killer)
    }
    if (!this.#isFolderKept) await rm(this.#folder, { recursive: true, force: true })
  }

  async #untilReady(): Promise<void> {
    const deadlineMs = performance.now() + READY_WITHIN_MS
    for (;;) {
      try {
        const response = await fetch(`http://127.0.0.1:${this.port}/v2/`)
        await response.arrayBuffer()
        this.#readyMs = performance.now()
        if (response.ok) return
      } catch {
        // It does not listen yet.
      }
      if (this.#child.exitCode !== null || performance.now() > deadlineMs) {
        throw new Error(`${this.contender} did not come up; its log is in ${this.#folder}`)
      }
      await sleep(10)
    }
  }
}

function dataFolderOf(folder: string): string {
  return join(folder, 'data')
}
