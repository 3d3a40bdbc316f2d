/** Where something listens. */
export interface ListenAddress {
  host: string
  port: number
  /** `http` where left out. */
  scheme?: 'http' | 'https'
}

/** Addresses that stand for all that the machine has. */
const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

export function isUnspecified({ host }: ListenAddress): boolean {
  return UNSPECIFIED.has(host)
}

export function listenUrl({ scheme = 'http', host, port }: ListenAddress): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** How a client on the same machine reaches it. */
export function localUrl(address: ListenAddress): string {
  return listenUrl(isUnspecified(address) ? { ...address, host: 'localhost' } : address)
}
