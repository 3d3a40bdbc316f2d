import { mkdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { encodedOf } from '../../src/oci/digest.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import type { TestImage } from './images.ts'
import { run, RunningProcess } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Debian's docker-registry with a storage of its own. */
export class DebianRegistry implements AsyncDisposable {
  readonly #folder: AsyncDisposable & { path: string }
  readonly #host: string
  #scheme: 'http' | 'https' = 'http'
  #process: RunningProcess | undefined
  #earlierOutput = ''
  #marks = 0

  private constructor(folder: AsyncDisposable & { path: string }, host: string) {
    this.#folder = folder
    this.#host = host
  }

  static async start(): Promise<DebianRegistry> {
    await using stack = new AsyncDisposableStack()
    const host = `127.0.0.1:${await freePort()}`
    const registry = stack.use(new DebianRegistry(await temporaryFolder(), host))
    await registry.#configure({})
    await registry.comeBack()
    stack.move()
    return registry
  }

  get url(): string {
    return `${this.#scheme}://${this.#host}`
  }

  /**
   * From now on it answers over TLS, and only who is in the lines of an htpasswd file, with Basic.
   * The files are `server.pem` and `server.key` in a folder of certificates.
   */
  async requireLogin(certificates: string, htpasswd: string): Promise<void> {
    await this.goDown()
    const path = join(this.#folder.path, 'htpasswd')
    await writeFile(path, htpasswd)
    const tls = {
      certificate: join(certificates, 'server.pem'),
      key: join(certificates, 'server.key'),
    }
    await this.#configure({ tls }, { htpasswd: { realm: 'private', path } })
    this.#scheme = 'https'
    await this.comeBack()
  }

  /** The access log of all requests so far; a line comes a moment later than its answer. */
  async accessLog(): Promise<string> {
    const path = `/mark/${++this.#marks}`
    await fetch(this.url + path)
    return eventually('the access log is written', () => {
      return this.#output.includes(`"GET ${path} `) ? this.#output : undefined
    })
  }

  /** Pushes the image with skopeo, byte for byte. */
  async push(repository: string, tag: string, image: TestImage): Promise<void> {
    const source = join(this.#folder.path, 'image')
    await writeImageFolder(source, image)
    await run([
      'skopeo',
      '--insecure-policy',
      'copy',
      '--all',
      '--preserve-digests',
      '--dest-tls-verify=false',
      `dir:${source}`,
      `docker://${this.#host}/${repository}:${tag}`,
    ])
    await rm(source, { recursive: true })
  }

  async goDown(): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]()
    this.#earlierOutput = this.#output
    this.#process = undefined
  }

  /** Ends the outage, on the same port and with the same content. */
  async comeBack(): Promise<void> {
    const registry = new RunningProcess(['docker-registry', 'serve', this.#config])
    this.#process = registry
    await eventually('docker-registry answers', async () => {
      if (registry.exit) throw new Error(`docker-registry ended:\n${registry.output}`)
      return isListening(this.#host)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.goDown()
    await this.#folder[Symbol.asyncDispose]()
  }

  async #configure(http: object, auth?: object): Promise<void> {
    const storage = { filesystem: { rootdirectory: join(this.#folder.path, 'registry') } }
    const log = { level: 'error' }
    const listen = { addr: this.#host, ...http }
    await writeFile(
      this.#config,
      JSON.stringify({ version: '0.1', log, storage, http: listen, ...(auth && { auth }) }),
    )
  }

  get #output(): string {
    return this.#earlierOutput + (this.#process?.output ?? '')
  }

  get #config(): string {
    return join(this.#folder.path, 'config.json')
  }
}

/** Whether it takes connections, whoever may be asked to log in. */
function isListening(host: string): Promise<boolean> {
  const { hostname, port } = new URL(`http://${host}`)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** The image as skopeo's `dir:` transport reads it. */
async function writeImageFolder(path: string, image: TestImage): Promise<void> {
  await mkdir(path)
  await writeFile(join(path, 'version'), 'Directory Transport Version: 1.1\n')
  for (const [digest, bytes] of image.blobs) await writeFile(join(path, encodedOf(digest)), bytes)
  for (const [digest, { bytes }] of image.manifests) {
    const isRoot = digest === image.root.digest
    const name = isRoot ? 'manifest.json' : `${encodedOf(digest)}.manifest.json`
    await writeFile(join(path, name), bytes)
  }
}
