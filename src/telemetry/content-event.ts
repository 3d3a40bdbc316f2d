import { randomUUID } from 'node:crypto'

/** `mirror`: content of an upstream is kept from now on; `evict`: it is no more. */
export type ContentAction = 'push' | 'mount' | 'pull' | 'delete' | 'mirror' | 'evict'

/** Something has become of content that a repository has. */
export interface ContentChange {
  action: ContentAction
  registry: string
  repository: string
  tag?: string | undefined
  digest?: string | undefined
  mediaType?: string | undefined
  sizeBytes?: number | undefined
  /** Where a blob was mounted from, with its registry. */
  fromRepository?: string | undefined
  /** Where it can be pulled, by digest. */
  url?: string | undefined
  /** Left out where nobody has asked for it. */
  request?: RequestRecord
  principal?: string | undefined
}

interface RequestRecord {
  id: string
  addr?: string | undefined
  host?: string | undefined
  method: string
  useragent: string
}

/** An event as the notifications of `distribution` have it: a contract with all who read them. */
export interface ContentEvent {
  id: string
  /** ISO 8601. */
  timestamp: string
  action: ContentAction
  target: {
    mediaType?: string | undefined
    size?: number | undefined
    digest?: string | undefined
    /** The same as `size`. */
    length?: number | undefined
    /** With its registry in front, or the prefix of what is hosted. */
    repository: string
    fromRepository?: string | undefined
    url?: string | undefined
    tag?: string | undefined
  }
  /** Empty where nobody has asked. */
  request: RequestRecord
  actor: { name?: string | undefined }
  /** The daemon, and its life since its last start. */
  source: EventSource
}

export interface EventSource {
  addr: string
  instanceID: string
}

/** As clients that are written in Go would find it. */
const NO_REQUEST = { id: '', method: '', useragent: '' }

export function contentEvent(change: ContentChange, source: EventSource): ContentEvent {
  const { action, registry, repository, tag, digest, mediaType, sizeBytes } = change
  return {
    id: randomUUID(),
    timestamp: new Date().toISOString(),
    action,
    target: {
      mediaType,
      size: sizeBytes,
      digest,
      length: sizeBytes,
      repository: `${registry}/${repository}`,
      fromRepository: change.fromRepository,
      url: change.url,
      tag,
    },
    request: change.request ?? NO_REQUEST,
    actor: { name: change.principal },
    source,
  }
}
