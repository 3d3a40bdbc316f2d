import { randomUUID } from 'node:crypto'
import type { Clock } from '../../../src/util/clock.ts'
import { contentAnswer, errorAnswer, type Answer, type HubRequest } from './answer.ts'
import type { HubContent } from './hub-content.ts'

/** Signed, short-lived links to blobs, and the server that they lead to. */
export class HubCdn {
  readonly #content: HubContent
  readonly #clock: Clock
  readonly #lifetimeMs: number
  readonly #links = new Map<string, { digest: string; expiresAtMs: number }>()

  constructor(content: HubContent, clock: Clock, lifetimeMs: number) {
    this.#content = content
    this.#clock = clock
    this.#lifetimeMs = lifetimeMs
  }

  /** Path and query of a new link. */
  link(digest: string): string {
    const signature = randomUUID()
    const expiresAtMs = this.#clock.now() + this.#lifetimeMs
    this.#links.set(signature, { digest, expiresAtMs })
    return `/blobs/${encodeURIComponent(digest)}/data?signature=${signature}`
  }

  answer({ url, headers }: HubRequest): Answer {
    // What S3 and its like say to a second way of authentication.
    if (headers.authorization) {
      return errorAnswer(400, 'InvalidArgument', 'Only one auth mechanism allowed')
    }
    const link = this.#links.get(url.searchParams.get('signature') ?? '')
    const digest = /^\/blobs\/([^/]+)\/data$/.exec(url.pathname)?.[1]
    if (!link || link.digest !== decodeURIComponent(digest ?? '')) {
      return errorAnswer(403, 'AccessDenied', 'the signature does not match')
    }
    if (link.expiresAtMs <= this.#clock.now()) {
      return errorAnswer(403, 'AccessDenied', 'the link has expired')
    }
    const bytes = this.#content.anyBlob(link.digest)
    if (!bytes) return errorAnswer(404, 'NoSuchKey', 'no such blob')
    const type = { 'content-type': 'application/octet-stream' }
    return { ...contentAnswer(bytes, headers.range, type), digest: link.digest }
  }
}
