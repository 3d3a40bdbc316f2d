import type { OutgoingHttpHeaders } from 'node:http'
import { formatReferrers, REFERRERS_TYPE } from '../oci/referrers.ts'
import type { RegistryRequest } from '../oci/registry-request.ts'
import type { Route } from '../policy/routes.ts'
import { answer, API_VERSION } from './answer.ts'
import { CACHE_CONTROL, STALE_WARNING } from './content-headers.ts'
import type { Context } from './exchange.ts'

/** What refers to a manifest, on one page (distribution-spec, Listing Referrers); never a 404. */
export async function serveReferrers(
  context: Context,
  { digest, filter, ns }: Extract<RegistryRequest, { kind: 'referrers' }>,
  { source, repository }: Route,
): Promise<void> {
  const { exchange } = context.state
  exchange.reference = digest
  const { signal } = exchange
  const { referrers, outcome } = await source.referrers(repository, digest, filter, { signal })
  exchange.outcome = outcome
  const headers: OutgoingHttpHeaders = {
    ...API_VERSION,
    'Content-Type': REFERRERS_TYPE,
    'Cache-Control': CACHE_CONTROL.tag,
  }
  if (filter.artifactType !== undefined) headers['OCI-Filters-Applied'] = 'artifactType'
  if (ns !== undefined) headers['OCI-Namespace'] = ns
  if (outcome === 'stale') headers['Warning'] = STALE_WARNING
  answer(context, 200, headers, Buffer.from(formatReferrers(referrers)))
}
