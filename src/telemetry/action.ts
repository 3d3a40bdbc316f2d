import type { ServedRequest } from './served-request.ts'

/** What a client does with content, or wants to. */
export interface Action {
  name: 'pull' | 'push' | 'mount' | 'delete'
  kind: 'manifest' | 'blob'
  /** As far as it is known. */
  content: ActionContent | undefined
  /** Where a blob was mounted from, as the client has named it. */
  fromRepository?: string | undefined
}

interface ActionContent {
  digest: string
  mediaType?: string
  sizeBytes?: number
}

/** A request that was to do something with content, and what became of it. */
export interface RequestedAction {
  action: Action
  request: ServedRequest
}
