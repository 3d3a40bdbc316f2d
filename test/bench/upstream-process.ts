import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Digest } from '../../src/oci/digest.ts'
import { cpuSecondsOf } from './proc.ts'

export interface UpstreamShape {
  /** Before each answer of the registry, the token server and the CDN. */
  latencyMs?: number
  /** Of all transfers together. */
  bytesPerSecond?: number
}

/** What the upstream was asked for since it started; `bytes` are those of manifests and blobs. */
export interface UpstreamCounters {
  requests: number
  tokens: number
  manifests: number
  blobs: number
  bytes: number
}

export interface UpstreamImage {
  digest: Digest
  /** The config first. */
  blobs: Digest[]
  /** Manifest, config and layers together. */
  sizeBytes: number
}

export interface BenchImage extends UpstreamImage {
  repository: string
}

/** The fake upstream in a process of its own, so that its CPU is nobody else's. */
export class UpstreamProcess implements AsyncDisposable {
  readonly port: number
  readonly #child: ChildProcess
  readonly #controlUrl: string
  #imageCount = 0

  private constructor(child: ChildProcess, ports: { registryPort: number; controlPort: number }) {
    this.#child = child
    this.port = ports.registryPort
    this.#controlUrl = `http://127.0.0.1:${ports.controlPort}`
  }

  static async start(shape: UpstreamShape = {}): Promise<UpstreamProcess> {
    const path = fileURLToPath(new URL('upstream.ts', import.meta.url))
    const child = fork(path, [JSON.stringify(shape)])
    const [ports] = (await once(child, 'message')) as [
      { registryPort: number; controlPort: number },
    ]
    return new UpstreamProcess(child, ports)
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get cpuSeconds(): number {
    return cpuSecondsOf(this.#child.pid!)
  }

  /** An image that no server has seen yet; its bytes are hashed before this returns. */
  async addImage(layers: number, layerBytes: number): Promise<BenchImage> {
    const repository = `bench/image-${++this.#imageCount}`
    const query = new URLSearchParams({
      repository,
      layers: String(layers),
      layerBytes: String(layerBytes),
    })
    return { repository, ...(await this.#ask<UpstreamImage>(`/images?${query.toString()}`)) }
  }

  async counters(): Promise<UpstreamCounters> {
    return this.#ask('/counters')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }

  async #ask<T>(path: string): Promise<T> {
    const response = await fetch(this.#controlUrl + path)
    return (await response.json()) as T
  }
}
