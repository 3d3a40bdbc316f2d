import { getDomain } from 'tldts'
import { bareHost } from './bare-host.ts'

/**
 * True where credentials for the upstream may go to this realm: the same host, the same
 * registrable domain or one of the hosts in `others`, and over https unless the upstream itself
 * is reached over http.
 */
export function isRealmAllowed(upstream: URL, realm: URL, others: readonly string[]): boolean {
  const isSecure = realm.protocol === 'https:'
  const isAsOpen = realm.protocol === 'http:' && upstream.protocol === 'http:'
  if (!isSecure && !isAsOpen) return false
  if (realm.hostname === upstream.hostname) return true
  if (others.includes(bareHost(realm))) return true
  const domain = registrableDomain(upstream)
  return domain !== null && domain === registrableDomain(realm)
}

function registrableDomain({ hostname }: URL): string | null {
  return getDomain(hostname, { allowPrivateDomains: true })
}
