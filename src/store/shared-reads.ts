import type { Digest } from '../oci/digest.ts'
import { type ByteRange, wholeRange } from '../oci/range.ts'
import { SingleFlight } from '../util/single-flight.ts'
import type { BlobReader } from './blob-store.ts'
import { ChunkMemory, type ChunkMemoryOptions } from './chunk-memory.ts'
import { SharedObject } from './shared-object.ts'
import { SharedReader } from './shared-reader.ts'

const NEVER = new AbortController().signal

type OpenBlob = (digest: Digest, range?: ByteRange) => Promise<BlobReader | undefined>

/**
 * Has a blob come once for those who read it at once, where each reading costs a request: for who
 * begins while the first bytes are in memory, and who begins where another one is.
 */
export class SharedReads {
  readonly #openAlone: OpenBlob
  readonly #memory: ChunkMemory
  /** With what they are of: several are of one blob where its readers are far from each other. */
  readonly #objects = new Map<SharedObject, Digest>()
  readonly #opening = new SingleFlight<SharedObject | undefined>()
  /** How often blobs were left alone: what is being opened may be one of them. */
  #changes = 0

  constructor(openAlone: OpenBlob, memory: ChunkMemoryOptions) {
    this.#openAlone = openAlone
    this.#memory = new ChunkMemory(memory)
  }

  /** As a store opens it. */
  async open(digest: Digest, range?: ByteRange): Promise<BlobReader | undefined> {
    for (const [object, its] of this.#objects) {
      if (its === digest && object.has(range ?? wholeRange(object.sizeBytes))) {
        return this.#join(digest, object, range)
      }
    }
    if (this.#memory.isUsedUp) return this.#openAlone(digest, range)
    const key = `${digest} ${range?.first}-${range?.last}`
    const share = () => this.#share(digest, range)
    const { value: opened } = await this.#opening.run(key, NEVER, share)
    if (!opened) return undefined
    // Where all who opened it with us have left, it has ended.
    if (!opened.has(range ?? wholeRange(opened.sizeBytes))) return this.#openAlone(digest, range)
    return this.#join(digest, opened, range)
  }

  /** Nobody joins those who read these blobs. */
  leaveAlone(digests: readonly Digest[]): void {
    this.#changes++
    const alone = new Set(digests)
    for (const [object, digest] of this.#objects) {
      if (alone.has(digest)) this.#objects.delete(object)
    }
  }

  #join(digest: Digest, object: SharedObject, range = wholeRange(object.sizeBytes)): BlobReader {
    const openAlone = (rest: ByteRange) => this.#openAlone(digest, rest)
    return new SharedReader({ object, range, openAlone })
  }

  /** Called where the memory is not used up. */
  async #share(digest: Digest, asked: ByteRange | undefined): Promise<SharedObject | undefined> {
    const changes = this.#changes
    const chunk = this.#memory.take(asked?.first ?? 0)
    let source: BlobReader | undefined
    try {
      source = await this.#openAlone(digest, asked)
    } finally {
      if (!source) this.#memory.give(chunk)
    }
    if (!source) return undefined
    const range = asked ?? wholeRange(source.sizeBytes)
    const ended = () => void this.#objects.delete(object)
    const object = new SharedObject({ source, range, memory: this.#memory, chunk, ended })
    if (changes === this.#changes) this.#objects.set(object, digest)
    return object
  }
}
