import { join } from 'node:path'
import type { JobList } from '../../src/admin-api.ts'
import { type Digest, encodedOf } from '../../src/oci/digest.ts'
import { eventually } from '../support/eventually.ts'
import { type FakeHub, type FakeHubOptions, startFakeHub } from '../support/fake-hub/fake-hub.ts'
import { fetchedDigest } from '../support/fetched.ts'
import { buildImage, type TestImage } from '../support/images.ts'
import type { RunningProcess } from '../support/processes.ts'
import { untilKept } from '../support/until-kept.ts'
import { letTimePass, writeUsesDown } from '../support/passing-time.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { type Ended, runEntrepot } from './run-entrepot.ts'
import { lineOf, spawnMirror, type Started } from './spawned-mirror.ts'

/** A daemon with a fake Docker Hub behind it, and the commands that talk to it. */
export class MirrorStage implements AsyncDisposable {
  readonly hub: FakeHub
  readonly data: string
  readonly #env: Record<string, string>
  readonly #parts: AsyncDisposableStack
  #process: RunningProcess | undefined
  #started: Started | undefined

  private constructor(
    hub: FakeHub,
    folder: string,
    env: Record<string, string>,
    parts: AsyncDisposableStack,
  ) {
    this.hub = hub
    this.data = join(folder, 'data')
    this.#env = { ENTREPOT_UPSTREAMS__DOCKER_IO__URL: hub.url, ...env }
    this.#parts = parts
  }

  static async start(
    env: Record<string, string> = {},
    hubOptions: FakeHubOptions = {},
  ): Promise<MirrorStage> {
    await using parts = new AsyncDisposableStack()
    const hub = parts.use(await startFakeHub(hubOptions))
    const { path } = parts.use(await temporaryFolder())
    const stage = new MirrorStage(hub, path, env, parts.move())
    try {
      await stage.#serve()
    } catch (cause) {
      await stage[Symbol.asyncDispose]()
      throw cause
    }
    return stage
  }

  /** Where clients pull and push. */
  get url(): string {
    return `http://${this.#started?.address}`
  }

  get adminUrl(): string {
    return `http://${this.#started?.adminAddress}`
  }

  /** All that the daemon has printed. */
  get output(): string {
    return this.#process?.output ?? ''
  }

  /** Publishes an image and pulls all of it through the mirror. */
  async pull(name: string, image?: TestImage): Promise<TestImage> {
    const [repository = '', tag = ''] = name.split(':')
    const published = image ?? (await buildImage({ seed: name }))
    this.hub.add(repository, tag, published)
    const url = `${this.url}/v2/${repository}`
    await fetchedDigest(`${url}/manifests/${tag}`)
    for (const digest of published.blobs.keys()) await fetchedDigest(`${url}/blobs/${digest}`)
    await untilKept(this.adminUrl, published.root.digest, tag)
    return published
  }

  /** Pulls what a tag stands for now, without its blobs. */
  async look(name: string): Promise<void> {
    const [repository = '', tag = ''] = name.split(':')
    await fetchedDigest(`${this.url}/v2/${repository}/manifests/${tag}`)
  }

  /** Lets time pass: everything was used so much longer ago. */
  async age(ms: number): Promise<void> {
    await writeUsesDown(this.adminUrl)
    letTimePass(this.data, ms)
  }

  async stop(): Promise<void> {
    this.#process?.kill('SIGTERM')
    await this.#process?.exited
  }

  /** Waits until a job has begun and said how far it is. */
  async untilProgressOf(name: string): Promise<void> {
    await eventually(`${name} is under way`, async () => {
      const answer = await fetch(`${this.adminUrl}/api/v1/jobs`)
      const { jobs } = (await answer.json()) as JobList
      return jobs.some((job) => job.name === name && job.progress !== null)
    })
  }

  /** Where the store keeps a blob. */
  pathOf(digest: Digest): string {
    const hex = encodedOf(digest)
    return join(this.data, 'blobs', 'sha256', hex.slice(0, 2), hex)
  }

  /** Runs a command that talks to this daemon. */
  run(...args: string[]): Promise<Ended> {
    return runEntrepot(args, { ...this.#env, ENTREPOT_ADMIN__PORT: this.#adminPort })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]()
    await this.#parts.disposeAsync()
  }

  get #adminPort(): string {
    return new URL(this.adminUrl).port
  }

  async #serve(): Promise<void> {
    this.#process = spawnMirror(this.data, this.#env)
    this.#started = await lineOf(this.#process, 'started')
  }
}
