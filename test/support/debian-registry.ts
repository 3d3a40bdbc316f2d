import { mkdir, rm, writeFile } from 'node:fs/promises'
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
  #process: RunningProcess | undefined
  #earlierOutput = ''

  private constructor(folder: AsyncDisposable & { path: string }, host: string) {
    this.#folder = folder
    this.#host = host
  }

  static async start(): Promise<DebianRegistry> {
    await using stack = new AsyncDisposableStack()
    const host = `127.0.0.1:${await freePort()}`
    const registry = stack.use(new DebianRegistry(await temporaryFolder(), host))
    const storage = { filesystem: { rootdirectory: join(registry.#folder.path, 'registry') } }
    await writeFile(
      registry.#config,
      JSON.stringify({
        version: '0.1',
        log: { level: 'error' },
        storage,
        http: { addr: registry.#host },
      }),
    )
    await registry.comeBack()
    stack.move()
    return registry
  }

  get url(): string {
    return `http://${this.#host}`
  }

  /** The access log so far, of all requests. */
  get accessLog(): string {
    return this.#earlierOutput + (this.#process?.output ?? '')
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
    this.#earlierOutput = this.accessLog
    this.#process = undefined
  }

  /** Ends the outage, on the same port and with the same content. */
  async comeBack(): Promise<void> {
    const registry = new RunningProcess(['docker-registry', 'serve', this.#config])
    this.#process = registry
    await eventually('docker-registry answers', async () => {
      if (registry.exit) throw new Error(`docker-registry ended:\n${registry.output}`)
      return fetch(`${this.url}/v2/`).then(
        (response) => response.ok,
        () => false,
      )
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.goDown()
    await this.#folder[Symbol.asyncDispose]()
  }

  get #config(): string {
    return join(this.#folder.path, 'config.json')
  }
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
