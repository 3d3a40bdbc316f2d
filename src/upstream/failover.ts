import type { Digest } from '../oci/digest.ts'
import type { Reference, Repository } from '../oci/reference.ts'
import type { ReferrerFilter } from '../oci/referrers.ts'
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
} from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'

/** Whether another may do better than the one that has failed like this. */
export type GivesWay = (error: UpstreamError) => boolean

/** Another user of the same endpoint. All requests that are too many are too many from everyone. */
export const toAnotherUser: GivesWay = (error) =>
  (error.transient && error.kind !== 'abuse-limited') || error.kind === 'denied'

/** Another endpoint. Wrong bytes are not among it: they are told, and nobody hides them. */
export const toAnotherEndpoint: GivesWay = (error) => error.transient || error.kind === 'denied'

/** One of several sources of the same content. */
export interface Alternative {
  source: Source
  /** Its budget runs out: it is asked after those that have more. */
  isLow: () => boolean
}

/**
 * Asks several sources of the same content in their order until one answers. One that cannot
 * answer, or may not, gives way to the next, and one whose budget is low comes after the others.
 * Absence is believed of the first alone, whenever that is asked, since a mirror of a registry may
 * lack what the registry has. Where nobody answers it throws what the first threw.
 */
export class FailoverSource implements Source {
  readonly #alternatives: readonly Alternative[]
  readonly #givesWay: GivesWay

  constructor(alternatives: readonly Alternative[], givesWay: GivesWay) {
    this.#alternatives = alternatives
    this.#givesWay = givesWay
  }

  resolve(ref: Reference, options: PullOptions): Promise<Resolved | undefined> {
    return this.#ask(options.signal, (source) => source.resolve(ref, options))
  }

  manifest(ref: Reference, options: PullOptions): Promise<Manifest | undefined> {
    return this.#ask(options.signal, (source) => source.manifest(ref, options))
  }

  statBlob(
    repository: Repository,
    digest: Digest,
    options: PullOptions,
  ): Promise<Resolved | undefined> {
    return this.#ask(options.signal, (source) => source.statBlob(repository, digest, options))
  }

  blob(repository: Repository, digest: Digest, options: BlobOptions): Promise<Blob | undefined> {
    return this.#ask(options.signal, (source) => source.blob(repository, digest, options))
  }

  tags(repository: Repository, page: Page, options: PullOptions): Promise<TagList | undefined> {
    return this.#ask(options.signal, (source) => source.tags(repository, page, options))
  }

  /** No referrers are as little an answer as absence. */
  referrers(
    repository: Repository,
    digest: Digest,
    filter: ReferrerFilter,
    options: PullOptions,
  ): Promise<ReferrerList> {
    return this.#ask(
      options.signal,
      (source) => source.referrers(repository, digest, filter, options),
      ({ referrers }) => referrers.length === 0,
    )
  }

  async #ask<T>(
    signal: AbortSignal,
    ask: (source: Source) => Promise<T>,
    isAbsence: (answer: T) => boolean = (answer) => answer === undefined,
  ): Promise<T> {
    const [first] = this.#alternatives
    let failure: UpstreamError | undefined
    for (const alternative of this.#inOrder()) {
      try {
        const answer = await ask(alternative.source)
        if (alternative === first || !isAbsence(answer)) return answer
      } catch (error) {
        const isTold = signal.aborted || !(error instanceof UpstreamError)
        if (isTold || !this.#givesWay(error)) throw error
        if (alternative === first) failure = error
      }
    }
    throw failure ?? new Error('there is nobody to ask')
  }

  #inOrder(): Alternative[] {
    const isLow = (alternative: Alternative) => alternative.isLow()
    return [
      ...this.#alternatives.filter((alternative) => !isLow(alternative)),
      ...this.#alternatives.filter(isLow),
    ]
  }
}
