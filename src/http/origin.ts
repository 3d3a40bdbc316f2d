import type { Context } from './exchange.ts'

/** As clients may write it; what else is sent there has no place in a header of ours. */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i

/** Where the client has reached us, as far as it says so itself. */
export function originOf({ req }: Context): string {
  const { host = '' } = req.headers
  const scheme = 'encrypted' in req.socket ? 'https' : 'http'
  return `${scheme}://${HOST.test(host) ? host : 'localhost'}`
}
