import type { IncomingHttpHeaders } from 'node:http'
import type { Holdings } from '../cache/holdings.ts'
import type { Digest } from '../oci/digest.ts'
import type { Resolved } from '../oci/source.ts'
import type { Route } from '../policy/routes.ts'
import type { BlobStat } from '../store/blob-store.ts'
import type { DirectLinks } from '../store/direct-links.ts'
import { StoreError } from '../store/store-error.ts'
import type { Events } from '../telemetry/events.ts'
import { type Glob, globPattern } from '../util/glob.ts'

/** Clients follow at once; what has begun goes on. */
const LINK_TTL_MS = 300_000
/** What is smaller costs less than the redirect. */
const MIN_BYTES = 256 * 1024

export interface RedirectsOptions {
  links: DirectLinks
  holdings: Pick<Holdings, 'look'>
  /** Patterns of repositories, with their registry, and of user agents. */
  except: { repositories: readonly string[]; clients: readonly string[] } | undefined
  events: Events
}

export interface Redirect {
  found: Resolved
  /** Never to be logged. */
  location: URL
}

/** Who fetches which blobs where they are kept, and not through us. */
export class Redirects {
  readonly #options: RedirectsOptions
  readonly #repositories: Glob[]
  readonly #clients: Glob[]

  constructor(options: RedirectsOptions) {
    this.#options = options
    const { repositories = [], clients = [] } = options.except ?? {}
    this.#repositories = repositories.map((glob) => globPattern(glob))
    this.#clients = clients.map((glob) => globPattern(glob))
  }

  /**
   * Where a client is sent that asks for a blob: one that is held, allowed to it, and there.
   * `undefined` where it is to be served from here. Throws as Source.statBlob.
   */
  async find(
    digest: Digest,
    { upstream, repository, source }: Route,
    headers: IncomingHttpHeaders,
    signal: AbortSignal,
  ): Promise<Redirect | undefined> {
    // Parts are wanted by who resumes, or reads here and there: a redirect for each would cost
    // more than it spares.
    if (headers.range !== undefined) return undefined
    if (matches(this.#repositories, `${upstream}/${repository}`)) return undefined
    if (matches(this.#clients, headers['user-agent'] ?? '')) return undefined
    const content = await this.#options.holdings.look(digest, (inventory) => inventory.held(digest))
    if (!content || content.sizeBytes < MIN_BYTES) return undefined
    const found = await source.statBlob(repository, digest, { signal })
    if (found?.outcome !== 'hit') return undefined
    const location = await this.#linkTo(content)
    return location && { found, location }
  }

  async #linkTo({ digest, sizeBytes }: BlobStat): Promise<URL | undefined> {
    const { links, events } = this.#options
    try {
      return await links.link({ digest, sizeBytes }, LINK_TTL_MS)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      events.storeFailed({ operation: 'link', digest, error })
      return undefined
    }
  }
}

function matches(patterns: Glob[], text: string): boolean {
  return patterns.some((pattern) => pattern.test(text))
}
