import { hostname, networkInterfaces } from 'node:os'
import { isDisbelief } from '../../util/disbelief.ts'
import { isLoopback } from '../../util/loopback.ts'
import { fetchFailure } from '../fetch-failure.ts'

const ANSWER_WITHIN_MS = 5000

/** Whether an address is that of the mirror, which has several where it is on this machine. */
export function isMirror(mirror: URL, text: string): boolean {
  const url = URL.parse(text.includes('://') ? text : `${mirror.protocol}//${text}`)
  if (!url || url.port !== mirror.port || url.protocol !== mirror.protocol) return false
  return url.hostname === mirror.hostname || (isHere(url.hostname) && isHere(mirror.hostname))
}

function isHere(host: string): boolean {
  if (isLoopback(host) || host === hostname().toLowerCase()) return true
  const bare = host.replace(/^\[|\]$/g, '')
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === bare),
  )
}

export interface Silence {
  reason: string
  /** It is there, but with a certificate that nobody vouches for here. */
  isDisbelieved: boolean
}

/** Why it does not answer as a registry; `undefined` where it does. */
export async function silence(mirror: URL): Promise<Silence | undefined> {
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
    const { status } = await fetch(new URL('/v2/', mirror), { signal })
    if (status === 200 || status === 401) return undefined
    return { reason: `answers ${status}`, isDisbelieved: false }
  } catch (error) {
    const code = fetchFailure(error)
    const isDisbelieved = isDisbelief(code)
    const what = isDisbelieved ? 'has a certificate that is not believed here' : 'does not answer'
    return { reason: `${what} (${code})`, isDisbelieved }
  }
}
