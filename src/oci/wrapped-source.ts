import type { Digest } from './digest.ts'
import type { Reference, Repository } from './reference.ts'
import type { ReferrerFilter } from './referrers.ts'
import type {
  Blob,
  BlobOptions,
  Manifest,
  Page,
  PullOptions,
  ReferrerList,
  Resolved,
  Source,
  TagList,
} from './source.ts'

export type Subject = 'manifest' | 'blob' | 'tags' | 'referrers'

/** A source that does the same around every question to another source. */
export abstract class WrappedSource implements Source {
  readonly #source: Source

  constructor(source: Source) {
    this.#source = source
  }

  /** Asks the question, or does not; it may be asked several times. */
  protected abstract around<T>(
    subject: Subject,
    signal: AbortSignal,
    ask: () => Promise<T>,
  ): Promise<T>

  resolve(ref: Reference, options: PullOptions): Promise<Resolved | undefined> {
    return this.around('manifest', options.signal, () => this.#source.resolve(ref, options))
  }

  manifest(ref: Reference, options: PullOptions): Promise<Manifest | undefined> {
    return this.around('manifest', options.signal, () => this.#source.manifest(ref, options))
  }

  statBlob(
    repository: Repository,
    digest: Digest,
    options: PullOptions,
  ): Promise<Resolved | undefined> {
    return this.around('blob', options.signal, () =>
      this.#source.statBlob(repository, digest, options),
    )
  }

  blob(repository: Repository, digest: Digest, options: BlobOptions): Promise<Blob | undefined> {
    return this.around('blob', options.signal, () => this.#source.blob(repository, digest, options))
  }

  tags(repository: Repository, page: Page, options: PullOptions): Promise<TagList | undefined> {
    return this.around('tags', options.signal, () => this.#source.tags(repository, page, options))
  }

  referrers(
    repository: Repository,
    digest: Digest,
    filter: ReferrerFilter,
    options: PullOptions,
  ): Promise<ReferrerList> {
    return this.around('referrers', options.signal, () =>
      this.#source.referrers(repository, digest, filter, options),
    )
  }
}
