import type { Config } from '../config/schema.ts'
import type { Connection } from '../connection.ts'
import { checkConnections } from '../connections.ts'
import { examineCertificates } from './certificates.ts'
import { examineClock } from './clock-skew.ts'
import { examineData } from './data-folder.ts'
import { type Finding, fault, ok, warning } from './finding.ts'
import { examinePorts } from './ports.ts'

/** Shorter ones can be guessed. */
const MIN_TOKEN_LENGTH = 16

/** Looks at all that a mirror of this configuration stands on; it need not run. Changes nothing. */
export async function examine(config: Config): Promise<Finding[]> {
  const [ports, connections, clock] = await Promise.all([
    examinePorts(config),
    checkConnections(config),
    examineClock(config),
  ])
  // Not at once with the ports, on which it listens for a moment too.
  const data = await examineData(config)
  const reached = connections.map(connectionFinding)
  return [
    ...data,
    ...reached.filter(({ part }) => part === 'data'),
    ...ports,
    ...examineToken(config),
    ...reached.filter(({ part }) => part !== 'data'),
    ...clock,
    ...examineCertificates(config, Date.now()),
  ]
}

/** That there is one where others can reach the listener is for the configuration to say. */
function examineToken({ admin }: Config): Finding[] {
  const token = admin.token?.reveal()
  if (token === undefined && admin.tls?.clientCa) {
    return [ok('admin', 'the admin listener asks for a certificate of admin.tls.clientCa')]
  }
  if (token === undefined) return [ok('admin', 'the admin listener asks for no token, on loopback')]
  if (token.length >= MIN_TOKEN_LENGTH)
    return [ok('admin', 'the admin listener asks for its token')]
  const text = `admin.token has ${token.length} characters, and can be guessed`
  return [warning('admin', text, 'take a longer one: openssl rand -hex 16')]
}

function connectionFinding({ part, name, url, fault: reason, fix }: Connection): Finding {
  if (reason !== null) return fault(part, reason, fix ?? '')
  if (part === 'data' || part === 'audit') return ok(part, `${name} can be written`)
  if (part === 'store') return ok(part, `the bucket ${name} can be used`)
  if (part === 'users') return ok(part, `the users in ${name} can log in`)
  return ok(part, `${name} answers at ${url}`)
}
