import type { Context } from './exchange.ts'
import { HOST } from './trusted-proxies.ts'

/** The host by which the client knows us, as far as it says so. */
export function hostOf({ req, state }: Context): string | undefined {
  return state.exchange.forwarded?.host ?? req.headers.host
}

/** Where the client has reached us: `https://mirror.example`. */
export function originOf(context: Context): string {
  const host = hostOf(context) ?? ''
  const own = 'encrypted' in context.req.socket ? 'https' : 'http'
  const scheme = context.state.exchange.forwarded?.scheme ?? own
  return `${scheme}://${HOST.test(host) ? host : 'localhost'}`
}

/** What a path of ours begins with for the client, in front of `/v2`; `prefix` is that of an upstream. */
export function pathTo({ state }: Context, prefix?: string): string {
  const own = prefix === undefined ? '' : `/${prefix}`
  return `${state.exchange.forwarded?.prefix ?? ''}${own}`
}
