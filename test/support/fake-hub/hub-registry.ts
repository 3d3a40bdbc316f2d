import { REFERRERS_TYPE } from '../../../src/oci/referrers.ts'
import { contentAnswer, errorAnswer, jsonAnswer, type Answer, type HubRequest } from './answer.ts'
import type { HubAuth } from './hub-auth.ts'
import type { HubContent } from './hub-content.ts'
import type { RateLimit } from './rate-limit.ts'

export interface HubRegistryOptions {
  content: HubContent
  auth: HubAuth
  rateLimit: RateLimit | undefined
  /** The realm of the challenges; known once the token server listens. */
  realm: () => string
  /** Where a blob is, or undefined where the registry sends it itself. */
  blobUrl: (digest: string) => string | undefined
  /** How many come on a page; `missing` as from a registry that knows nothing of them. */
  referrersPerPage: number | 'missing'
}

const VERSION = { 'docker-distribution-api-version': 'registry/2.0' }

/** The registry's side of the pull API. */
export class HubRegistry {
  readonly #options: HubRegistryOptions

  constructor(options: HubRegistryOptions) {
    this.#options = options
  }

  answer(request: HubRequest): Answer {
    const answer = this.#answer(request)
    return { ...answer, headers: { ...VERSION, ...answer.headers } }
  }

  #answer(request: HubRequest): Answer {
    const { auth, realm } = this.#options
    const { method, url } = request
    if (method !== 'GET' && method !== 'HEAD') {
      return errorAnswer(405, 'UNSUPPORTED', 'the operation is unsupported')
    }
    const path = decodeURIComponent(url.pathname)
    if (/^\/v2\/?$/.test(path)) {
      const user = auth.check(request, undefined, realm())
      return typeof user === 'string' ? jsonAnswer(200, {}) : user
    }
    const match = /^\/v2\/(.+)\/(manifests|blobs|tags|referrers)\/([^/]+)$/.exec(path)
    const [, repository, kind, target] = match ?? []
    if (!repository || !kind || !target) return errorAnswer(404, 'NOT_FOUND', 'no such page')
    const user = auth.check(request, `repository:${repository}:pull`, realm())
    if (typeof user !== 'string') return user
    if (kind === 'tags') return this.#tags(repository, url)
    if (kind === 'referrers') return this.#referrers(repository, target, url)
    if (kind === 'blobs') return this.#blob(repository, target, request)
    return this.#manifest(repository, target, user, method)
  }

  #manifest(repository: string, target: string, user: string, method: string): Answer {
    const limited = this.#options.rateLimit?.take(user, method)
    if (limited?.refusal) return limited.refusal
    const manifest = this.#options.content.manifest(repository, target)
    if (!manifest) return errorAnswer(404, 'MANIFEST_UNKNOWN', 'manifest unknown', limited?.headers)
    const { mediaType, bytes, digest } = manifest
    return {
      status: 200,
      headers: {
        'content-type': mediaType,
        'docker-content-digest': digest,
        etag: `"${digest}"`,
        ...limited?.headers,
      },
      body: bytes,
      digest,
    }
  }

  #blob(repository: string, digest: string, { headers }: HubRequest): Answer {
    const bytes = this.#options.content.blob(repository, digest)
    if (!bytes) return errorAnswer(404, 'BLOB_UNKNOWN', 'blob unknown to registry')
    const location = this.#options.blobUrl(digest)
    if (location) {
      return { status: 307, headers: { location }, body: Buffer.from('Temporary Redirect'), digest }
    }
    const given = { 'content-type': 'application/octet-stream', 'docker-content-digest': digest }
    return { ...contentAnswer(bytes, headers.range, given), digest }
  }

  #tags(repository: string, url: URL): Answer {
    const tags = this.#options.content.tags(repository)
    if (!tags) return errorAnswer(404, 'NAME_UNKNOWN', 'repository name not known to registry')
    const last = url.searchParams.get('last')
    const n = Number(url.searchParams.get('n') ?? tags.length)
    const following = last === null ? tags : tags.filter((tag) => tag > last)
    const page = following.slice(0, n)
    const next = `/v2/${repository}/tags/list?last=${page.at(-1)}&n=${n}`
    const hasMore = page.length > 0 && page.length < following.length
    const link: Record<string, string> = hasMore ? { link: `<${next}>; rel="next"` } : {}
    return jsonAnswer(200, { name: repository, tags: page }, link)
  }

  #referrers(repository: string, digest: string, url: URL): Answer {
    const { content, referrersPerPage } = this.#options
    if (referrersPerPage === 'missing') {
      return { status: 404, headers: {}, body: Buffer.from('404 page not found') }
    }
    const all = content.referrers(repository, digest)
    if (!all) return errorAnswer(404, 'NAME_UNKNOWN', 'repository name not known to registry')
    const first = Number(url.searchParams.get('first') ?? 0)
    const next = first + referrersPerPage
    const link = `</v2/${repository}/referrers/${digest}?first=${next}>; rel="next"`
    const manifests = all.slice(first, next)
    return jsonAnswer(
      200,
      { schemaVersion: 2, mediaType: REFERRERS_TYPE, manifests },
      { 'content-type': REFERRERS_TYPE, ...(next < all.length && { link }) },
    )
  }
}
