import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** What proxies say of a request; `undefined` where they say nothing that we could use. */
export interface Forwarded {
  /** Of the client. */
  address: string | undefined
  scheme: 'http' | 'https' | undefined
  /** With a port or without. */
  host: string | undefined
  /** Of paths, as in `/registry`, that clients have to begin with and the proxy takes off. */
  prefix: string | undefined
}

/** As it may stand in a header or a URL of ours. */
export const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i
/** As a proxy names who asked it. Some add the port, and then brackets around an IPv6 address. */
const NODE = /^(?:\[([\da-f:.]+)\]|([\d.]+))(?::\d{1,5})?$/i
const PREFIX = /^(?:\/[\w.~-]+)+$/

/** Proxies in front of us, whose word on who the client is counts. */
export class TrustedProxies {
  readonly #networks = new BlockList()
  readonly #isNobody: boolean

  /** Of addresses, or networks as in `10.0.0.0/8`. */
  constructor(networks: readonly string[]) {
    this.#isNobody = networks.length === 0
    for (const network of networks) {
      const [address = '', bits] = network.split('/')
      const family = familyOf(address)
      if (bits === undefined) this.#networks.addAddress(address, family)
      else this.#networks.addSubnet(address, Number(bits), family)
    }
  }

  /** `undefined` where the request does not come from one of them. */
  read({ socket, headers }: IncomingMessage): Forwarded | undefined {
    if (this.#isNobody || !this.#trusts(socket.remoteAddress ?? '')) return undefined
    const scheme = last(headers['x-forwarded-proto'])?.toLowerCase()
    const host = last(headers['x-forwarded-host'])
    const prefix = last(headers['x-forwarded-prefix'])?.replace(/\/+$/, '')
    return {
      address: this.#clientOf(listOf(headers['x-forwarded-for']).map(addressIn)),
      scheme: scheme === 'http' || scheme === 'https' ? scheme : undefined,
      host: host !== undefined && HOST.test(host) ? host : undefined,
      prefix: prefix !== undefined && PREFIX.test(prefix) ? prefix : undefined,
    }
  }

  /** Each proxy adds who it was asked by; what stands before the first that is none, a client may have made up. */
  #clientOf(addresses: readonly string[]): string | undefined {
    let client: string | undefined
    for (const address of addresses.toReversed()) {
      if (isIP(address) === 0) break
      client = address
      if (!this.#trusts(address)) break
    }
    return client
  }

  #trusts(address: string): boolean {
    return isIP(address) > 0 && this.#networks.check(address, familyOf(address))
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}

function addressIn(node: string): string {
  const [, bracketed, plain] = NODE.exec(node) ?? []
  return bracketed ?? plain ?? node
}

function listOf(header: string | string[] | undefined): string[] {
  return String(header ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)
}

/** That of the proxy next to us. */
function last(header: string | string[] | undefined): string | undefined {
  return listOf(header).at(-1)
}
