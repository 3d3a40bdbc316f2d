import { OCTET_STREAM } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { MANIFEST_TYPES } from '../oci/manifest.ts'
import { UnsatisfiableRangeError } from '../oci/range.ts'
import { targetOf, type Reference, type Repository } from '../oci/reference.ts'
import {
  filterReferrers,
  parseReferrers,
  referrersTag,
  type Referrer,
  type ReferrerFilter,
} from '../oci/referrers.ts'
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
import type { Budget } from './budget.ts'
import type { CredentialProvider } from './credentials.ts'
import { manifestOfAnswer, resolvedOfAnswer } from './manifest-answer.ts'
import type { FollowedResponse } from './redirects.ts'
import { ReferrersApi } from './referrers-api.ts'
import { type Acquaintance, RegistryEndpoint } from './registry-endpoint.ts'
import { formatPage, tagsOfAnswer } from './tags-answer.ts'
import type { Transport } from './transport.ts'

export interface UpstreamClientOptions {
  /** The registry's name, for example `docker.io`. */
  name: string
  url: URL
  /** Of this registry; its owner disposes it. */
  credentials: CredentialProvider
  /** Hosts of other domains whose token servers may have the credentials. */
  realms: readonly string[]
  /** Of this upstream alone; its owner disposes it. */
  transport: Transport
  clock: Clock
  budget: Budget
}

const ACCEPT_MANIFESTS = { accept: MANIFEST_TYPES.join(', ') }

/**
 * A registry as a source. Every outcome is `bypass`. Nothing is repeated but for a 401, and the
 * bodies of blobs are not verified. A page of tags without a limit is as long as the upstream
 * makes it.
 */
export class UpstreamClient implements Source {
  readonly #name: string
  readonly #credentials: CredentialProvider
  readonly #endpoint: RegistryEndpoint
  readonly #referrersApi: ReferrersApi

  constructor(options: UpstreamClientOptions) {
    const { name, url, credentials, realms, transport, clock, budget } = options
    this.#name = name
    this.#credentials = credentials
    this.#endpoint = new RegistryEndpoint({
      upstream: name,
      url,
      credentials,
      realms,
      transport,
      clock,
      budget,
    })
    this.#referrersApi = new ReferrersApi({ upstream: name, endpoint: this.#endpoint, clock })
  }

  /** What is known of the registry since it was last asked. */
  get acquaintance(): Acquaintance {
    return this.#endpoint.acquaintance
  }

  /**
   * Asks what costs no pull, after which `acquaintance` and the budget tell how things are: for the
   * HEAD of `probe`, whose absence is an answer too, else for the version check. That a registry
   * has nothing for who is anonymous is an answer. Throws UpstreamError.
   */
  async ping(probe: Reference | undefined, signal: AbortSignal): Promise<void> {
    try {
      const response = await (probe
        ? this.#askManifest('HEAD', probe, { signal })
        : this.#askVersion(signal))
      await response?.body[Symbol.asyncDispose]()
    } catch (error) {
      const isDenied = error instanceof UpstreamError && error.kind === 'denied'
      const isAnonymous = isDenied && (await this.#credentials.get(signal)) === undefined
      if (!isAnonymous) throw error
    }
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

  /** Where the registry lacks the API, from the tag that stands in for it. */
  async referrers(
    repository: Repository,
    digest: Digest,
    filter: ReferrerFilter,
    options: PullOptions,
  ): Promise<ReferrerList> {
    const listed = await this.#referrersApi.list(repository, digest, options.signal)
    const referrers = listed ?? (await this.#taggedReferrers(repository, digest, options))
    return { referrers: filterReferrers(referrers, filter), outcome: 'bypass' }
  }

  async #taggedReferrers(
    repository: Repository,
    digest: Digest,
    options: PullOptions,
  ): Promise<Referrer[]> {
    const tag = referrersTag(digest)
    const manifest = await this.manifest({ kind: 'tag', repository, tag }, options)
    // A tag of that name that is no index is of somebody else.
    return (manifest && parseReferrers(manifest.bytes)) ?? []
  }

  async #askVersion(signal: AbortSignal): Promise<FollowedResponse> {
    const response = await this.#endpoint.ask({
      kind: 'version',
      method: 'GET',
      repository: undefined,
      path: '',
      headers: {},
      wanted: [200],
      signal,
    })
    if (!response) throw this.#invalid('there is no registry (404)')
    return response
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
