import type { ContentKind } from '../inventory/inventory.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import {
  isForeignLayer,
  parseManifest,
  parseManifestType,
  type IndexEntry,
} from '../oci/manifest.ts'
import { formatPlatform, isAsked, type Platform } from '../oci/platform.ts'
import type { ImageReference, Reference } from '../oci/reference.ts'
import type { Manifest, Outcome, Source } from '../oci/source.ts'
import type { Semaphore } from '../util/semaphore.ts'
import type { Mirror } from './mirror.ts'
import type { WarmedContent, WarmedImage, WarmFailure } from './operations.ts'
import { failureOf, NotWarmed } from './warm-failure.ts'
import type { WarmProgress } from './warm-progress.ts'

export interface WarmUpstream {
  /** What clients pull from, rules and all. */
  source: Source
  mirror: Pick<Mirror, 'fillBlob' | 'holds' | 'settled'>
  /** Whether only what a client waits for should be asked now. */
  isLow: () => boolean
}

/** What the images of a run have in common. */
export interface WarmImageOptions {
  /** Of an index only what is for these; all of it where there are none. */
  platforms: readonly Platform[]
  /** Who waits for a blob. */
  turns: Semaphore
  /** Called with all that is to stay until the run has ended. */
  lease: (digest: Digest) => void
  progress: WarmProgress
  item: (content: WarmedContent) => Promise<void>
  signal: AbortSignal
}

/** One image that is to be held: its manifests are pulled one after the other, then its blobs. */
export class WarmImage {
  readonly #image: ImageReference
  readonly #upstream: WarmUpstream
  readonly #options: WarmImageOptions
  readonly #manifests = new Map<Digest, Descriptor>()
  readonly #blobs = new Map<Digest, Descriptor>()
  /** What its indexes say that it runs on. */
  readonly #offered: Platform[] = []
  #fetchedBytes = 0

  constructor(image: ImageReference, upstream: WarmUpstream, options: WarmImageOptions) {
    this.#image = image
    this.#upstream = upstream
    this.#options = options
  }

  /** Tells what became of it. Throws the signal's reason, and what nobody foresaw. */
  async warm(): Promise<WarmedImage> {
    let failure: WarmFailure | undefined
    try {
      await this.#bring()
    } catch (error) {
      this.#options.signal.throwIfAborted()
      failure = failureOf(error)
      if (!failure) throw error
    }
    const all = [...this.#manifests.values(), ...this.#blobs.values()]
    const missingBytes = sumOf(await this.#missing(all))
    if (missingBytes > 0) failure ??= notKept(missingBytes)
    return {
      image: this.#image,
      digest: all[0]?.digest,
      contents: all.length,
      bytes: sumOf(all),
      fetchedBytes: this.#fetchedBytes,
      missingBytes,
      failure,
    }
  }

  async #bring(): Promise<void> {
    const { progress, platforms } = this.#options
    try {
      if (!(await this.#gather(this.#image.reference))) throw absent('upstream does not have it')
    } finally {
      progress.expect(sumOf([...this.#blobs.values()]))
    }
    await this.#fill()
    const offered = this.#offered.filter(({ os }) => os !== 'unknown')
    const lacking = platforms.filter((asked) => !offered.some((one) => isAsked(one, asked)))
    if (offered.length > 0 && lacking.length > 0) {
      const [wanted, there] = [lacking, offered].map((some) => some.map(formatPlatform).join(', '))
      throw absent(`it is for ${there}, not for ${wanted}`)
    }
  }

  /** Pulls a manifest and those that it names; false where upstream does not have it. */
  async #gather(reference: Reference): Promise<boolean> {
    const { platforms, lease } = this.#options
    const manifest = await this.#pull(reference)
    if (!manifest) return false
    const { mediaType } = manifest.descriptor
    const type = parseManifestType(mediaType)
    const content = type && parseManifest(type, manifest.bytes)
    for (const blob of content?.blobs ?? []) {
      this.#blobs.set(blob.digest, blob)
      lease(blob.digest)
    }
    for (const { digest } of this.#chosen(content?.manifests ?? [])) {
      const { repository } = reference
      const isThere =
        this.#manifests.has(digest) || (await this.#gather({ kind: 'digest', repository, digest }))
      // An index may name manifests that a registry does not have. Who asks for one wants it.
      if (!isThere && platforms.length > 0) throw absent(`upstream lacks ${digest} of it`)
    }
    return true
  }

  async #pull(reference: Reference): Promise<Manifest | undefined> {
    const { signal, lease } = this.#options
    const { source, isLow } = this.#upstream
    const { registry } = this.#image
    if (isLow()) {
      throw new NotWarmed('limited', `what ${registry} still allows is left to clients`)
    }
    const manifest = await source.manifest(reference, { signal })
    if (!manifest) return undefined
    const { descriptor, outcome } = manifest
    if (outcome === 'stale') {
      throw new NotWarmed('upstream', `${registry} does not say what it stands for now`)
    }
    lease(descriptor.digest)
    this.#manifests.set(descriptor.digest, descriptor)
    await this.#tell('manifest', descriptor, outcome)
    return manifest
  }

  /** Those that are for the platforms, or do not say for which, with their attestations. */
  #chosen(entries: IndexEntry[]): IndexEntry[] {
    const { platforms } = this.#options
    for (const { platform } of entries) if (platform) this.#offered.push(platform)
    if (platforms.length === 0) return entries
    const isMeant = ({ platform }: IndexEntry) =>
      !platform || platforms.some((asked) => isAsked(platform, asked))
    const meant = new Set(entries.filter(isMeant).map(({ digest }) => digest))
    return entries.filter(({ digest, attests }) => meant.has(attests ?? digest))
  }

  /** Fills all blobs, or fails with the first that fails; those under way go on by themselves. */
  async #fill(): Promise<void> {
    const failed = new AbortController()
    const signal = AbortSignal.any([this.#options.signal, failed.signal])
    const blobs = Array.from(this.#blobs.values(), (blob) =>
      this.#fillBlob(blob, signal).catch((error: unknown) => failed.abort(error)),
    )
    await Promise.all(blobs)
    failed.signal.throwIfAborted()
  }

  async #fillBlob(blob: Descriptor, signal: AbortSignal): Promise<void> {
    const { repository } = this.#image.reference
    const { mirror } = this.#upstream
    const isHeld = await mirror.holds(repository, blob.digest)
    const outcome = isHeld ? 'hit' : await this.#fetchBlob(blob, signal)
    if (isHeld) this.#options.progress.end(blob)
    if (outcome) return this.#tell('blob', blob, outcome)
    if (!isForeignLayer(blob)) throw absent(`upstream lacks ${blob.digest} of it`)
    this.#blobs.delete(blob.digest)
  }

  async #fetchBlob(blob: Descriptor, signal: AbortSignal): Promise<Outcome | undefined> {
    const { turns, progress } = this.#options
    const { repository } = this.#image.reference
    using _turn = await turns.acquire(signal)
    progress.begin(blob)
    try {
      return await this.#upstream.mirror.fillBlob(repository, blob.digest, { signal })
    } finally {
      progress.end(blob)
    }
  }

  async #tell(kind: ContentKind, descriptor: Descriptor, outcome: Outcome): Promise<void> {
    const { digest, sizeBytes } = descriptor
    if (outcome !== 'hit') this.#fetchedBytes += sizeBytes
    await this.#options.item({ image: this.#image, digest, kind, sizeBytes, outcome })
  }

  async #missing(all: Descriptor[]): Promise<Descriptor[]> {
    const { mirror } = this.#upstream
    const { repository } = this.#image.reference
    await mirror.settled()
    const missing: Descriptor[] = []
    for (const one of all) if (!(await mirror.holds(repository, one.digest))) missing.push(one)
    return missing
  }
}

function sumOf(descriptors: Descriptor[]): number {
  return descriptors.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

function absent(message: string): NotWarmed {
  return new NotWarmed('absent', message)
}

function notKept(missingBytes: number): WarmFailure {
  const message = `${missingBytes} bytes of it could not be kept`
  return { reason: 'not-kept', message, isPassing: false }
}
