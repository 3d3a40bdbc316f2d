import { OCTET_STREAM } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { MANIFEST_TYPES } from '../oci/manifest.ts'
import { UnsatisfiableRangeError } from '../oci/range.ts'
import { targetOf, type Reference, type Repository } from '../oci/reference.ts'
import { filterReferrers, type ReferrerFilter } from '../oci/referrers.ts'
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
import type { Clock } from '../util/clock.ts'
import {
  formatRange,
  sectionOfPart,
  sectionOfWhole,
  sizeOfUnsatisfied,
  type BlobSection,
} from './blob-answer.ts'
import { manifestOfAnswer, resolvedOfAnswer } from './manifest-answer.ts'
import type { FollowedResponse } from './redirects.ts'
import { ReferrerLists } from './referrer-lists.ts'
import type { RegistryEndpoint } from './registry-endpoint.ts'
import { formatPage, tagsOfAnswer } from './tags-answer.ts'

export interface UpstreamClientOptions {
  /** The registry's name, for example `docker.io`. */
  name: string
  endpoint: RegistryEndpoint
  clock: Clock
}

const ACCEPT_MANIFESTS = { accept: MANIFEST_TYPES.join(', ') }

/**
 * A registry as a source. Every outcome is `bypass`. Nothing is repeated but for a 401, and the
 * bodies of blobs are not verified. A page of tags without a limit is as long as the upstream
 * makes it.
 */
export class UpstreamClient implements Source {
  readonly #name: string
  readonly #endpoint: RegistryEndpoint
  readonly #referrers: ReferrerLists

  constructor({ name, endpoint, clock }: UpstreamClientOptions) {
    this.#name = name
    this.#endpoint = endpoint
    this.#referrers = new ReferrerLists({
      upstream: name,
      endpoint,
      manifest: (ref, pull) => this.manifest(ref, pull),
      clock,
    })
  }

  /** A GET, which costs a pull, where the HEAD does not tell type, digest and size. */
  async resolve(ref: Reference, options: PullOptions): Promise<Resolved | undefined> {
    const response = await this.#askManifest('HEAD', ref, options)
    if (!response) return undefined
    await response.body[Symbol.asyncDispose]()
    const resolved =
      response.status === 200 ? resolvedOfAnswer(this.#name, ref, response) : undefined
    if (resolved) return resolved
    const manifest = await this.manifest(ref, options)
    return manifest && { descriptor: manifest.descriptor, outcome: manifest.outcome }
  }

  async manifest(ref: Reference, options: PullOptions): Promise<Manifest | undefined> {
    const response = await this.#askManifest('GET', ref, options)
    if (!response) return undefined
    await using _ = response.body
    return await manifestOfAnswer(this.#name, ref, response)
  }

  async statBlob(
    repository: Repository,
    digest: Digest,
    { signal }: PullOptions,
  ): Promise<Resolved | undefined> {
    const response = await this.#endpoint.ask({
      kind: 'blob',
      method: 'HEAD',
      repository,
      path: `blobs/${digest}`,
      headers: {},
      wanted: [200],
      signal,
    })
    if (!response) return undefined
    await response.body[Symbol.asyncDispose]()
    const { declaredBytes } = response
    if (declaredBytes === undefined) throw this.#invalid(`${response.url.host} tells no size`)
    return { descriptor: blobDescriptor(digest, declaredBytes), outcome: 'bypass' }
  }

  /** Where the answer tells no length, a HEAD is asked for it. */
  async blob(
    repository: Repository,
    digest: Digest,
    options: BlobOptions,
  ): Promise<Blob | undefined> {
    const { range, signal } = options
    const response = await this.#endpoint.ask({
      kind: 'blob',
      method: 'GET',
      repository,
      path: `blobs/${digest}`,
      headers: range ? { range: formatRange(range) } : {},
      wanted: range ? [200, 206, 416] : [200],
      signal,
    })
    if (!response) return undefined
    try {
      const sizeOf = () => this.#sizeOf(repository, digest, signal)
      const { sizeBytes, ...section } = await this.#section(response, options, sizeOf)
      return { descriptor: blobDescriptor(digest, sizeBytes), ...section, outcome: 'bypass' }
    } catch (error) {
      await response.body[Symbol.asyncDispose]()
      throw error
    }
  }

  async tags(
    repository: Repository,
    page: Page,
    { signal }: PullOptions,
  ): Promise<TagList | undefined> {
    const response = await this.#endpoint.ask({
      kind: 'tags',
      method: 'GET',
      repository,
      path: `tags/list${formatPage(page)}`,
      headers: { accept: 'application/json' },
      wanted: [200],
      signal,
    })
    if (!response) return undefined
    await using _ = response.body
    return await tagsOfAnswer(this.#name, repository, response, page)
  }

  async referrers(
    repository: Repository,
    digest: Digest,
    filter: ReferrerFilter,
    options: PullOptions,
  ): Promise<ReferrerList> {
    const referrers = await this.#referrers.list(repository, digest, options)
    return { referrers: filterReferrers(referrers, filter), outcome: 'bypass' }
  }

  #askManifest(
    method: 'GET' | 'HEAD',
    ref: Reference,
    { signal }: PullOptions,
  ): Promise<FollowedResponse | undefined> {
    return this.#endpoint.ask({
      kind: 'manifest',
      method,
      repository: ref.repository,
      path: `manifests/${targetOf(ref)}`,
      headers: ACCEPT_MANIFESTS,
      wanted: method === 'HEAD' ? [200, 405] : [200],
      signal,
    })
  }

  async #section(
    response: FollowedResponse,
    { range }: BlobOptions,
    sizeOf: () => Promise<number>,
  ): Promise<BlobSection> {
    if (range && response.status === 206) return sectionOfPart(this.#name, response, range)
    if (response.status === 416) {
      throw new UnsatisfiableRangeError(sizeOfUnsatisfied(response) ?? (await sizeOf()))
    }
    const sizeBytes = response.declaredBytes ?? (await sizeOf())
    return sectionOfWhole(this.#name, response.body, sizeBytes, range)
  }

  async #sizeOf(repository: Repository, digest: Digest, signal: AbortSignal): Promise<number> {
    const stat = await this.statBlob(repository, digest, { signal })
    if (!stat) throw this.#invalid(`the blob ${digest} is there with GET and not with HEAD`)
    return stat.descriptor.sizeBytes
  }

  #invalid(what: string): UpstreamError {
    return new UpstreamError(this.#name, 'invalid', `${this.#name}: ${what}`)
  }
}

function blobDescriptor(digest: Digest, sizeBytes: number): Resolved['descriptor'] {
  return { mediaType: OCTET_STREAM, digest, sizeBytes }
}
