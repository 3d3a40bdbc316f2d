import type { IncomingHttpHeaders } from 'node:http'

export type ServerName = 'registry' | 'token' | 'cdn'

const KINDS = {
  manifests: 'manifest',
  blobs: 'blob',
  tags: 'tags',
  referrers: 'referrers',
} as const

type RequestKind = 'ping' | (typeof KINDS)[keyof typeof KINDS] | 'token' | 'cdn' | 'other'

export interface RecordedRequest {
  server: ServerName
  kind: RequestKind
  method: string
  /** Path and query as they came. */
  path: string
  headers: IncomingHttpHeaders
  /** 0 while there is no answer, and when the request is cut or held before one. */
  status: number
  /** Bytes of the body that were written to the socket so far. */
  bytesSent: number
  /** What content the answer is about: of manifests, blobs and CDN downloads. */
  digest?: string
}

export type RequestFilter = Partial<
  Pick<RecordedRequest, 'server' | 'kind' | 'method' | 'status' | 'digest'>
>

/** Everything that was asked, in the order of arrival. */
export class RequestLog {
  readonly requests: RecordedRequest[] = []

  open(
    server: ServerName,
    method: string,
    path: string,
    headers: IncomingHttpHeaders,
  ): RecordedRequest {
    const kind = kindOf(server, path)
    const request = { server, kind, method, path, headers, status: 0, bytesSent: 0 }
    this.requests.push(request)
    return request
  }

  matching(filter: RequestFilter): RecordedRequest[] {
    const wanted = Object.entries(filter)
    return this.requests.filter((request) =>
      wanted.every(([key, value]) => request[key as keyof RequestFilter] === value),
    )
  }

  bytesSent(filter: RequestFilter): number {
    return this.matching(filter).reduce((sum, request) => sum + request.bytesSent, 0)
  }
}

function kindOf(server: ServerName, path: string): RequestKind {
  if (server !== 'registry') return server
  if (/^\/v2\/?$/.test(path)) return 'ping'
  const match = /\/(manifests|blobs|tags|referrers)\/[^/]+$/.exec(path)
  return match ? KINDS[match[1] as keyof typeof KINDS] : 'other'
}
