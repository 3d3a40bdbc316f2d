import type { HostedRequest } from '../oci/hosted-request.ts'
import type { RegistryRequest } from '../oci/registry-request.ts'
import type { Action } from '../telemetry/action.ts'

/** What a request would do with content, as far as that is known before it is done. */
export function actionOf(request: RegistryRequest | HostedRequest): Action | undefined {
  switch (request.kind) {
    case 'manifest':
      return request.isHead ? undefined : action('pull', 'manifest')
    case 'blob':
      return request.isHead ? undefined : action('pull', 'blob', request.digest)
    case 'start-upload':
      return action('push', 'blob', request.digest ?? request.mount?.digest)
    case 'append-upload':
      return action('push', 'blob')
    case 'finish-upload':
      return action('push', 'blob', request.digest)
    case 'put-manifest':
      return action('push', 'manifest')
    case 'delete-manifest':
      return action('delete', 'manifest')
    case 'delete-blob':
      return action('delete', 'blob', request.digest)
    case 'ping':
    case 'tags':
    case 'referrers':
    case 'catalog':
    case 'upload-status':
    case 'cancel-upload':
    case 'unsupported':
  }
  return undefined
}

function action(name: Action['name'], kind: Action['kind'], digest?: string): Action {
  return { name, kind, content: digest === undefined ? undefined : { digest } }
}
