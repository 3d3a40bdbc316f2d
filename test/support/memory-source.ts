import { OCTET_STREAM } from '../../src/oci/descriptor.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { resolveRange, wholeRange } from '../../src/oci/range.ts'
import { parseTag, type Reference, type Repository } from '../../src/oci/reference.ts'
import { filterReferrers, type Referrer, type ReferrerFilter } from '../../src/oci/referrers.ts'
import type {
  Blob,
  BlobOptions,
  Manifest,
  Outcome,
  Page,
  PullOptions,
  ReferrerList,
  Resolved,
  Source,
  TagList,
} from '../../src/oci/source.ts'
import { readerOf, type ByteReader } from '../../src/util/byte-reader.ts'
import type { TestImage } from './images.ts'

/** One question that was put to the source, for example `manifest library/alpine:3`. */
type Ask = string

/**
 * A source over images in memory. Tests set how it answers, hold answers back, make them fail,
 * and put readers of their own around blobs.
 */
export class MemorySource implements Source {
  readonly #manifests = new Map<string, Omit<Manifest, 'outcome'>>()
  readonly #blobs = new Map<string, Buffer>()
  readonly #tags = new Map<string, string[]>()
  readonly #referrers = new Map<string, Referrer[]>()
  readonly asked: Ask[] = []
  outcome: Outcome = 'hit'
  /** Waited for, then thrown from, before each answer. */
  before: (signal: AbortSignal) => Promise<void> = () => Promise.resolve()
  wrap: (body: ByteReader) => ByteReader = (body) => body
  /** Bodies that were given out and are not disposed. */
  openBodies = 0

  add(repository: string, tag: string, image: TestImage): void {
    for (const [digest, { mediaType, bytes }] of image.manifests) {
      const descriptor = { mediaType, digest, sizeBytes: bytes.length }
      this.#manifests.set(`${repository}@${digest}`, { descriptor, bytes })
      if (digest === image.root.digest) {
        this.#manifests.set(`${repository}:${tag}`, { descriptor, bytes })
      }
    }
    for (const [digest, bytes] of image.blobs) this.#blobs.set(`${repository}@${digest}`, bytes)
    this.#tags.set(repository, [...(this.#tags.get(repository) ?? []), tag])
  }

  /** What it has by digest; a tag that stands for it still says so. */
  remove(repository: string, image: TestImage): void {
    for (const digest of image.manifests.keys()) this.#manifests.delete(`${repository}@${digest}`)
  }

  addBlob(repository: string, digest: Digest, bytes: Buffer): void {
    this.#blobs.set(`${repository}@${digest}`, bytes)
  }

  /** From now on the manifest is referred to by these. */
  setReferrers(repository: string, digest: Digest, referrers: Referrer[]): void {
    this.#referrers.set(`${repository}@${digest}`, referrers)
  }

  async resolve(ref: Reference, { signal }: PullOptions): Promise<Resolved | undefined> {
    await this.#ask(`resolve ${keyOf(ref)}`, signal)
    const found = this.#manifests.get(keyOf(ref))
    return found && { descriptor: found.descriptor, outcome: this.outcome }
  }

  async manifest(ref: Reference, { signal }: PullOptions): Promise<Manifest | undefined> {
    await this.#ask(`manifest ${keyOf(ref)}`, signal)
    const found = this.#manifests.get(keyOf(ref))
    return found && { ...found, outcome: this.outcome }
  }

  async statBlob(
    repository: Repository,
    digest: Digest,
    { signal }: PullOptions,
  ): Promise<Resolved | undefined> {
    await this.#ask(`statBlob ${repository}@${digest}`, signal)
    const bytes = this.#blobs.get(`${repository}@${digest}`)
    return bytes && this.#resolved(digest, bytes)
  }

  async blob(
    repository: Repository,
    digest: Digest,
    { signal, range }: BlobOptions,
  ): Promise<Blob | undefined> {
    await this.#ask(`blob ${repository}@${digest}`, signal)
    const bytes = this.#blobs.get(`${repository}@${digest}`)
    if (!bytes) return undefined
    const resolved = range ? resolveRange(range, bytes.length) : wholeRange(bytes.length)
    const body = this.#counted(
      this.wrap(readerOf(bytes.subarray(resolved.first, resolved.last + 1))),
    )
    return { ...this.#resolved(digest, bytes), range: resolved, body }
  }

  async tags(
    repository: Repository,
    { limit = Infinity, after = '' }: Page,
    { signal }: PullOptions,
  ): Promise<TagList | undefined> {
    await this.#ask(`tags ${repository} ${limit} ${after}`.trim(), signal)
    const tags = this.#tags.get(repository)
    if (!tags) return undefined
    const later = tags.sort().filter((tag) => tag > after)
    const page = later.slice(0, limit).map((tag) => parseTag(tag)!)
    return { tags: page, hasMore: page.length < later.length }
  }

  async referrers(
    repository: Repository,
    digest: Digest,
    filter: ReferrerFilter,
    { signal }: PullOptions,
  ): Promise<ReferrerList> {
    await this.#ask(`referrers ${repository}@${digest}`, signal)
    const referrers = this.#referrers.get(`${repository}@${digest}`) ?? []
    return { referrers: filterReferrers(referrers, filter), outcome: this.outcome }
  }

  async #ask(what: Ask, signal: AbortSignal): Promise<void> {
    this.asked.push(what)
    signal.throwIfAborted()
    await this.before(signal)
  }

  #resolved(digest: Digest, bytes: Buffer): Resolved {
    return {
      descriptor: { mediaType: OCTET_STREAM, digest, sizeBytes: bytes.length },
      outcome: this.outcome,
    }
  }

  #counted(body: ByteReader): ByteReader {
    this.openBodies++
    return {
      read: (into) => body.read(into),
      [Symbol.asyncDispose]: async () => {
        this.openBodies--
        await body[Symbol.asyncDispose]()
      },
    }
  }
}

function keyOf(ref: Reference): string {
  return ref.kind === 'tag' ? `${ref.repository}:${ref.tag}` : `${ref.repository}@${ref.digest}`
}
