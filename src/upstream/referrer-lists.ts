import type { Digest } from '../oci/digest.ts'
import { isObject, parseObject } from '../oci/json.ts'
import { MAX_MANIFEST_BYTES, parseManifestType } from '../oci/manifest.ts'
import type { Reference, Repository } from '../oci/reference.ts'
import { parseReferrers, REFERRERS_TYPE, referrersTag, type Referrer } from '../oci/referrers.ts'
import type { Manifest, PullOptions } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import { readAll } from '../util/byte-reader.ts'
import type { Clock } from '../util/clock.ts'
import type { FollowedResponse } from './redirects.ts'
import type { RegistryEndpoint } from './registry-endpoint.ts'

export interface ReferrerListsOptions {
  upstream: string
  endpoint: RegistryEndpoint
  /** Gets a manifest of the same registry. */
  manifest: (ref: Reference, options: PullOptions) => Promise<Manifest | undefined>
  clock: Clock
}

/** Of all pages together, as of the one index that they make. */
const MAX_LIST_BYTES = MAX_MANIFEST_BYTES
const MAX_PAGES = 100

/** What registries answer to a path that they do not know. */
const LACKING_STATUSES = [400, 404, 405, 406]

const MAX_ERROR_BYTES = 64 * 1024

/** A registry without the API is not asked for it again for so long. */
const LACKING_FOR_MS = 3_600_000

/**
 * What refers to the manifests of one registry: by the referrers API, or where it lacks that from
 * the tag that stands in for it (distribution-spec, Listing Referrers).
 */
export class ReferrerLists {
  readonly #options: ReferrerListsOptions
  #lackingUntilMs = Number.NEGATIVE_INFINITY

  constructor(options: ReferrerListsOptions) {
    this.#options = options
  }

  /** All of a list; empty where nothing refers to the manifest. Throws UpstreamError. */
  async list(
    repository: Repository,
    digest: Digest,
    options: PullOptions,
  ): Promise<readonly Referrer[]> {
    const listed = await this.#listed(repository, digest, options)
    if (listed) return listed
    const ref = { kind: 'tag', repository, tag: referrersTag(digest) } as const
    const manifest = await this.#options.manifest(ref, options)
    // A tag of that name that is no index is of somebody else.
    return (manifest && parseReferrers(manifest.bytes)) ?? []
  }

  /** All pages; `undefined` where the registry does not answer this. */
  async #listed(
    repository: Repository,
    digest: Digest,
    { signal }: PullOptions,
  ): Promise<Referrer[] | undefined> {
    const { clock } = this.#options
    if (clock.now() < this.#lackingUntilMs) return undefined
    const referrers: Referrer[] = []
    let leftBytes = MAX_LIST_BYTES
    let query: string | undefined = ''
    for (let page = 1; query !== undefined; page++) {
      if (page > MAX_PAGES) throw this.#invalid(digest, `has more than ${MAX_PAGES} pages`)
      const response = await this.#ask(repository, `${digest}${query}`, page, signal)
      if (!response) throw this.#invalid(digest, 'breaks off')
      await using body = response.body
      if (page === 1 && !isList(response)) {
        const code = await errorCodeOf(response)
        // Any other code may be about a name that is not there, at a registry that has the API.
        const isLacking = code === undefined || code === 'UNSUPPORTED'
        if (isLacking) this.#lackingUntilMs = clock.now() + LACKING_FOR_MS
        return undefined
      }
      const bytes = await readAll(body, leftBytes).catch((cause: unknown) => {
        throw cause instanceof RangeError ? this.#invalid(digest, 'is too large', cause) : cause
      })
      leftBytes -= bytes.length
      const listed = parseReferrers(bytes)
      if (!listed) throw this.#invalid(digest, 'is no index')
      referrers.push(...listed)
      query = nextQuery(response)
    }
    return referrers
  }

  #ask(
    repository: Repository,
    target: string,
    page: number,
    signal: AbortSignal,
  ): Promise<FollowedResponse | undefined> {
    return this.#options.endpoint.ask({
      kind: 'referrers',
      method: 'GET',
      repository,
      path: `referrers/${target}`,
      headers: { accept: REFERRERS_TYPE },
      wanted: page === 1 ? [200, ...LACKING_STATUSES] : [200],
      signal,
    })
  }

  #invalid(digest: Digest, what: string, cause?: Error): UpstreamError {
    const { upstream } = this.#options
    const message = `${upstream}: the list of referrers of ${digest} ${what}`
    return new UpstreamError(upstream, 'invalid', message, cause && { cause })
  }
}

/** Some answer any path with a page of their own. */
function isList({ status, headers }: FollowedResponse): boolean {
  return status === 200 && parseManifestType(headers['content-type'] ?? '') === REFERRERS_TYPE
}

/** `undefined` where the body is no OCI error. */
async function errorCodeOf({ body }: FollowedResponse): Promise<unknown> {
  const bytes = await readAll(body, MAX_ERROR_BYTES).catch((error: unknown) => {
    if (error instanceof RangeError) return new Uint8Array()
    throw error
  })
  const errors = parseObject(bytes)?.['errors']
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined
  return isObject(first) ? first['code'] : undefined
}

/** Only the query of a link is followed: it leads to the same list, wherever it points. */
function nextQuery({ headers, url }: FollowedResponse): string | undefined {
  const [, target] = /<([^<>]*)>\s*;[^,<]*\brel="?next"?/i.exec(String(headers['link'] ?? '')) ?? []
  return target === undefined ? undefined : URL.parse(target, url.href)?.search
}
