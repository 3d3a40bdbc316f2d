import type { HostedRegistry } from '../hosted/hosted-registry.ts'
import type { HostedRequest } from '../oci/hosted-request.ts'
import type { Repository } from '../oci/reference.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { Route } from '../policy/routes.ts'

/** A hosted repository, as a request has named it. */
export interface HostedRoute {
  hosted: HostedRegistry
  repository: Repository
  /** Of what is below it, for a `Location`, which leads here by the same route. */
  locationOf: (below: string) => string
}

/** The route, if it leads to the namespace; all else knows no uploads, and refuses pushes. */
export function hostedRoute(
  hosted: HostedRegistry | undefined,
  route: Route,
  kind: HostedRequest['kind'],
  locationOf: HostedRoute['locationOf'],
): HostedRoute {
  if (hosted && route.upstream === hosted.registry) {
    return { hosted, repository: route.repository, locationOf }
  }
  if (kind === 'upload-status') throw new RegistryError('BLOB_UPLOAD_UNKNOWN', 'unknown upload')
  throw new RegistryError('UNSUPPORTED', 'this is a mirror: it can be pulled from only')
}
