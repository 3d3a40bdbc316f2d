import type { Clock } from '../util/clock.ts'
import { errorOfAnswer } from './answer-error.ts'
import { requestFollowing } from './redirects.ts'
import type { Transport } from './transport.ts'

export interface VersionCheckOptions {
  upstream: string
  url: URL
  transport: Transport
  clock: Clock
  signal: AbortSignal
}

/**
 * Asks for `/v2/`, which every registry answers, if only with 401 (distribution-spec end-1).
 * Throws UpstreamError where none does.
 */
export async function checkVersion(options: VersionCheckOptions): Promise<void> {
  const { upstream, url, transport, clock, signal } = options
  const response = await requestFollowing(transport, upstream, {
    kind: 'version',
    method: 'GET',
    url: new URL(url.href.replace(/\/*$/, '/v2/')),
    headers: {},
    signal,
  })
  if (response.status !== 200 && response.status !== 401) {
    throw await errorOfAnswer(upstream, response, clock.now())
  }
  await response.body[Symbol.asyncDispose]()
}
