import { getDomain } from 'tldts'

/**
 * True where credentials for the upstream may go to this realm: the same host or the same
 * registrable domain, and over https unless the upstream itself is reached over http.
 */
export function isRealmAllowed(upstream: URL, realm: URL): boolean {
  const isSecure = realm.protocol === 'https:'
  const isAsOpen = realm.protocol === 'http:' && upstream.protocol === 'http:'
  if (!isSecure && !isAsOpen) return false
  if (realm.hostname === upstream.hostname) return true
  const domain = registrableDomain(upstream)
  return domain !== null && domain === registrableDomain(realm)
}

function registrableDomain({ hostname }: URL): string | null {
  return getDomain(hostname, { allowPrivateDomains: true })
}
