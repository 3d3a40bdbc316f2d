import { BlockList, isIP, isIPv6 } from 'node:net'
import { bareHost } from './bare-host.ts'

/** An HTTP proxy. */
export interface Proxy {
  /** `http:` or `https:`, without credentials. */
  url: URL
  /** What it is sent as `Proxy-Authorization`. */
  authorization: string | undefined
}

export interface ProxyOptions {
  /** What `http:` URLs are asked through; directly where `undefined`. */
  http: Proxy | undefined
  /** The same for `https:`. */
  https: Proxy | undefined
  /**
   * What is asked directly, as curl reads NO_PROXY: a domain stands for itself and all below it, an
   * address for itself, `10.0.0.0/8` for the addresses in it, `*` for everything; with `:port`
   * for that port alone.
   */
  except: readonly string[]
}

export const NO_PROXIES: ProxyOptions = { http: undefined, https: undefined, except: [] }

interface Exception {
  covers: (host: string) => boolean
  /** Any where `undefined`. */
  port: string | undefined
}

/** Chooses the proxy for a URL. What is on this machine's loopback is never asked through one. */
export class Proxies {
  readonly #options: ProxyOptions
  readonly #exceptions: readonly Exception[]

  constructor(options: ProxyOptions) {
    this.#options = options
    this.#exceptions = [...LOOPBACK, ...options.except].map(parseException)
  }

  for(url: URL): Proxy | undefined {
    const isSecure = url.protocol === 'https:'
    const proxy = isSecure ? this.#options.https : this.#options.http
    const host = withoutDot(bareHost(url))
    const ownPort = url.port || (isSecure ? '443' : '80')
    const isDirect = this.#exceptions.some(
      ({ covers, port }) => (port === undefined || port === ownPort) && covers(host),
    )
    return isDirect ? undefined : proxy
  }
}

const LOOPBACK = ['localhost', '127.0.0.0/8', '::1']

/** What makes no sense covers nothing. */
function parseException(text: string): Exception {
  const [, name = text, port] = /^(\[.+\]|[^:]+):(\d+)$/.exec(text) ?? []
  const host = name.replaceAll(/^\[|\]$/g, '').toLowerCase()
  return { covers: coverOf(host), port }
}

function coverOf(name: string): Exception['covers'] {
  if (name === '*') return () => true
  const [address = '', prefix] = name.split('/')
  return isIP(address) === 0 ? domainCover(name) : networkCover(address, prefix)
}

function domainCover(name: string): Exception['covers'] {
  const domain = withoutDot(name.replace(/^\*?\./, ''))
  return (host) => domain !== '' && (host === domain || host.endsWith(`.${domain}`))
}

function networkCover(address: string, prefix: string | undefined): Exception['covers'] {
  const [family, allBits] = isIPv6(address) ? (['ipv6', 128] as const) : (['ipv4', 32] as const)
  const bits = Number(prefix ?? allBits)
  if (prefix === '' || !Number.isInteger(bits) || bits < 0 || bits > allBits) return () => false
  const network = new BlockList()
  network.addSubnet(address, bits, family)
  return (host) => isIP(host) !== 0 && network.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}

/** A dot at the end only says that the name is whole. */
function withoutDot(name: string): string {
  return name.replace(/\.$/, '')
}
