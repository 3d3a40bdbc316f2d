import type { Digest } from '../../src/oci/digest.ts'
import type { RangeSpec } from '../../src/oci/range.ts'
import type { Reference, Repository } from '../../src/oci/reference.ts'
import type { Blob, BlobOptions, PullOptions, Resolved } from '../../src/oci/source.ts'
import { UpstreamError, type UpstreamErrorKind } from '../../src/oci/upstream-error.ts'
import type { ByteReader } from '../../src/util/byte-reader.ts'
import type { Gate } from './gate.ts'
import { MemorySource } from './memory-source.ts'

/** How one GET of a blob goes. Positions count from the blob's first byte, also of a range. */
export interface BlobScript {
  /** Passed before the answer. */
  gate?: Gate
  /** Instead of an answer. */
  error?: Error
  /** Says that there is no such blob. */
  absent?: true
  /** Claims another size. */
  sizeBytes?: number
  /** The most that one read gives. */
  portionBytes?: number
  /** Passed before the byte at `at`. */
  hold?: { at: number; gate: Gate }
  /** Instead of the byte at `at`. */
  cut?: { at: number; error: Error }
  /** The byte at this position is wrong. */
  flipAt?: number
}

/** A source whose GETs of blobs go, one after the other, as scripted; well where nothing is left. */
export class ScriptedSource extends MemorySource {
  readonly #scripts: BlobScript[] = []
  /** The range of each GET of a blob, in order. */
  readonly ranges: (RangeSpec | undefined)[] = []
  /** While it is set there is no tag, though their manifests are there by digest. */
  hidesTags = false

  script(...scripts: BlobScript[]): void {
    this.#scripts.push(...scripts)
  }

  /** How often upstream was asked this, for example `manifest`. */
  count(method: string): number {
    return this.asked.filter((ask) => ask.startsWith(`${method} `)).length
  }

  override async resolve(ref: Reference, options: PullOptions): Promise<Resolved | undefined> {
    const resolved = await super.resolve(ref, options)
    return this.hidesTags && ref.kind === 'tag' ? undefined : resolved
  }

  override async blob(
    repository: Repository,
    digest: Digest,
    options: BlobOptions,
  ): Promise<Blob | undefined> {
    const script = this.#scripts.shift() ?? {}
    this.ranges.push(options.range)
    await script.gate?.pass(options.signal)
    const blob = await super.blob(repository, digest, options)
    if (!blob) return undefined
    if (script.error || script.absent) await blob.body[Symbol.asyncDispose]()
    if (script.error) throw script.error
    if (script.absent) return undefined
    const sizeBytes = script.sizeBytes ?? blob.descriptor.sizeBytes
    return {
      ...blob,
      descriptor: { ...blob.descriptor, sizeBytes },
      body: new ScriptedBody(blob.body, blob.range.first, script, options.signal),
    }
  }
}

export function upstreamError(kind: UpstreamErrorKind, retryAfterMs?: number): UpstreamError {
  const options = retryAfterMs === undefined ? {} : { retryAfterMs }
  return new UpstreamError('docker.io', kind, `upstream: ${kind}`, options)
}

class ScriptedBody implements ByteReader {
  readonly #inner: ByteReader
  readonly #script: BlobScript
  readonly #disposed = new AbortController()
  readonly #signal: AbortSignal
  #position: number

  constructor(inner: ByteReader, position: number, script: BlobScript, signal: AbortSignal) {
    this.#inner = inner
    this.#position = position
    this.#script = script
    this.#signal = AbortSignal.any([signal, this.#disposed.signal])
  }

  async read(into: Uint8Array): Promise<number> {
    const { hold, cut, flipAt, portionBytes = Infinity } = this.#script
    this.#signal.throwIfAborted()
    if (hold?.at === this.#position) await hold.gate.pass(this.#signal)
    if (cut?.at === this.#position) throw cut.error
    const stops = [hold?.at ?? 0, cut?.at ?? 0, this.#position + portionBytes]
    const end = Math.min(...stops.filter((stop) => stop > this.#position))
    const count = await this.#inner.read(into.subarray(0, end - this.#position))
    const flip = (flipAt ?? -1) - this.#position
    if (flip >= 0 && flip < count) into[flip]! ^= 1
    this.#position += count
    return count
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort(new Error('the body is disposed'))
    await this.#inner[Symbol.asyncDispose]()
  }
}
