import { lookup as dnsLookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { bareHost } from './bare-host.ts'

/** A host that a public upstream leads to is at a private address. */
export class PrivateAddressError extends Error {
  override readonly name = 'PrivateAddressError'

  constructor(host: string) {
    super(`${host} is at a private address`)
  }
}

/**
 * Keeps a public upstream from leading us into private networks: its realms and redirects may
 * name hosts there only if the upstream itself is there, or if they are among `allowedHosts`. Names
 * are judged by the addresses that are then connected to.
 */
export class AddressGuard {
  readonly #upstreamHost: string
  readonly #allowedHosts: readonly string[]
  readonly #resolve: LookupFunction
  #isUpstreamPrivate: boolean

  constructor(upstream: URL, allowedHosts: readonly string[], resolve: LookupFunction = dnsLookup) {
    this.#allowedHosts = allowedHosts
    this.#upstreamHost = bareHost(upstream)
    this.#resolve = resolve
    this.#isUpstreamPrivate = isPrivate(this.#upstreamHost)
  }

  /**
   * Judges what can be judged by its name: addresses, which are not looked up, and `localhost`. It
   * is all that can be known of a host that a proxy looks up.
   */
  refusalOf(url: URL): PrivateAddressError | undefined {
    const host = bareHost(url)
    const isRefused = isPrivate(host) && !this.#isAllowed(host)
    return isRefused ? new PrivateAddressError(host) : undefined
  }

  readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.#resolve(hostname, options, (error, address, family) => {
      const found = typeof address === 'string' ? [{ address }] : (address ?? [])
      const isInside = found.some((one) => isPrivate(one.address))
      if (!error && hostname === this.#upstreamHost) this.#isUpstreamPrivate = isInside
      const isRefused = !error && isInside && !this.#isAllowed(hostname)
      callback(isRefused ? new PrivateAddressError(hostname) : error, address, family)
    })
  }

  #isAllowed(host: string): boolean {
    return this.#isUpstreamPrivate || this.#allowedHosts.includes(host)
  }
}

const PRIVATE = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  PRIVATE.addSubnet(network, prefix)
}
PRIVATE.addAddress('::', 'ipv6')
PRIVATE.addAddress('::1', 'ipv6')
PRIVATE.addSubnet('fc00::', 7, 'ipv6')
PRIVATE.addSubnet('fe80::', 10, 'ipv6')

function isPrivate(host: string): boolean {
  const version = isIP(host)
  if (version === 0) return /^(?:.+\.)?localhost\.?$/.test(host)
  return PRIVATE.check(host, version === 6 ? 'ipv6' : 'ipv4')
}
