import { MANIFEST_TYPES } from '../oci/manifest.ts'
import { type Reference, targetOf } from '../oci/reference.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { FollowedResponse } from './redirects.ts'
import type { RegistryEndpoint } from './registry-endpoint.ts'

/**
 * Asks a registry for what costs no pull, after which its acquaintance and its budget tell how
 * things are: for the HEAD of `probe`, whose absence is an answer too, else for the version check
 * (distribution-spec, end-1). That it has nothing for who is anonymous is an answer. Throws
 * UpstreamError.
 */
export async function checkRegistry(
  upstream: string,
  endpoint: RegistryEndpoint,
  probe: Reference | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    const response = await (probe
      ? askHead(endpoint, probe, signal)
      : askVersion(upstream, endpoint, signal))
    await response?.body[Symbol.asyncDispose]()
  } catch (error) {
    const isDenied = error instanceof UpstreamError && error.kind === 'denied'
    if (!isDenied || !(await endpoint.isAnonymous(signal))) throw error
  }
}

function askHead(
  endpoint: RegistryEndpoint,
  probe: Reference,
  signal: AbortSignal,
): Promise<FollowedResponse | undefined> {
  return endpoint.ask({
    kind: 'manifest',
    method: 'HEAD',
    repository: probe.repository,
    path: `manifests/${targetOf(probe)}`,
    headers: { accept: MANIFEST_TYPES.join(', ') },
    wanted: [200, 405],
    signal,
  })
}

async function askVersion(
  upstream: string,
  endpoint: RegistryEndpoint,
  signal: AbortSignal,
): Promise<FollowedResponse | undefined> {
  const response = await endpoint.ask({
    kind: 'version',
    method: 'GET',
    repository: undefined,
    path: '',
    headers: {},
    wanted: [200, 404],
    signal,
  })
  if (response?.status !== 404) return response
  await response.body[Symbol.asyncDispose]()
  const message = `${upstream}: ${response.url.host} answered 404: there is no registry`
  throw new UpstreamError(upstream, 'invalid', message, { status: 404 })
}
