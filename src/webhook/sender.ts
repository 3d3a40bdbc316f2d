import { createHmac } from 'node:crypto'

const MEDIA_TYPE = 'application/vnd.docker.distribution.events.v1+json'

export interface SenderOptions {
  url: URL
  /** Besides those that say what the body is. */
  headers: Readonly<Record<string, string>>
  /** What the body is signed with, if it is. */
  secret: string | undefined
  /** How long the endpoint may take until its answer. */
  timeoutMs: number
  userAgent: string
}

/**
 * Sends events in one envelope. Rejects unless the answer is 2xx: a redirect is none, since the
 * headers may hold secrets.
 */
export async function sendEvents(
  { url, headers, secret, timeoutMs, userAgent }: SenderOptions,
  events: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const body = `{"events":[${events.join(',')}]}`
  const response = await fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers: {
      'User-Agent': userAgent,
      ...headers,
      'Content-Type': MEDIA_TYPE,
      ...(secret !== undefined && { 'X-Entrepot-Signature-256': signatureOf(body, secret) }),
    },
    body,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  })
  await response.body?.cancel()
  if (!response.ok) throw new Error(`the endpoint answered ${response.status}`)
}

/** As GitHub signs what it sends. */
function signatureOf(body: string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
}
