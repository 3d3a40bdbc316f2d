import { isDisbelief } from '../util/disbelief.ts'
import { errorCode } from '../util/error-code.ts'
import { SILENT } from './admin-connection.ts'

export interface AskedListener {
  url: string
  isSecure: boolean
  /** Whether it was shown a certificate. */
  isShownCertificate: boolean
}

/** Why nobody has answered, and what that comes to. */
export interface Unanswered {
  failure: 'unavailable' | 'denied'
  message: string
}

/** What is told of a certificate that is missing, or not taken. */
const REFUSED = /^ERR_SSL_.*_ALERT_(?:.*CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)/
/** Node ends a connection with no word where the certificate is of another authority. */
const CUT: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE'])
/** Of what answers to TLS with something else. */
const UNSPOKEN = /^(?:EPROTO|ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG))$/

/** What the error of a connection says to people. */
export function whyUnanswered(cause: unknown, asked: AskedListener): Unanswered {
  const { url, isSecure } = asked
  const code = errorCode(cause) ?? String(cause)
  if (isDisbelief(code)) {
    const message = `the certificate of the daemon at ${url} is not believed (${code})`
    return unavailable(`${message}: see --admin-ca`)
  }
  const isRefused = REFUSED.test(code)
  if (isRefused || (isSecure && CUT.has(code))) {
    const message = `the daemon at ${url} has ended the connection (${code})`
    const wish = asked.isShownCertificate ? 'another certificate' : 'a certificate'
    const failure = isRefused ? 'denied' : 'unavailable'
    return { failure, message: `${message}: where it asks for ${wish}, see --admin-cert` }
  }
  if (isSecure && UNSPOKEN.test(code)) {
    const plain = url.replace(/^https/i, 'http')
    return unavailable(`what answers at ${url} does not speak TLS: is its URL ${plain}?`)
  }
  if (code === SILENT) {
    const message = `${url} is silent: the daemon hangs, or something in between drops what is sent`
    return unavailable(message)
  }
  return unavailable(`no daemon answers at ${url} (${code}): is entrepot serve running?`)
}

function unavailable(message: string): Unanswered {
  return { failure: 'unavailable', message }
}
