import { type Finding, fault, ok, warning } from '../../doctor/finding.ts'
import { ClientFileError, ClientFiles } from './client-files.ts'
import type { ClientMirror } from './client-setup.ts'
import { examineContainerd } from './examine-containerd.ts'
import { examineDocker } from './examine-docker.ts'
import { examinePodman } from './examine-podman.ts'
import { silence } from './same-mirror.ts'

const EXAMINATIONS = {
  docker: examineDocker,
  containerd: examineContainerd,
  podman: examinePodman,
} as const

export type ExaminedClient = keyof typeof EXAMINATIONS

/** What in the files of a client, which are below `root`, keeps it from pulling through the mirror. */
export async function examineClient(
  name: ExaminedClient,
  mirror: ClientMirror,
  root: string,
): Promise<Finding[]> {
  try {
    return await EXAMINATIONS[name](mirror, new ClientFiles(root))
  } catch (error) {
    if (!(error instanceof ClientFileError)) throw error
    return [fault('client', error.message, error.fix)]
  }
}

/** Whether the mirror is where clients are to find it. */
export async function examineAnswer(url: URL): Promise<Finding> {
  const silent = await silence(url)
  if (silent === undefined) return ok('client', `the mirror answers at ${url.origin}`)
  const text = `the mirror at ${url.origin} ${silent.reason}`
  // Clients have authorities of their own.
  if (silent.isDisbelieved) return warning('client', text, TRUST)
  const fix = 'look at the mirror with `entrepot doctor`, at the firewall, and at --url'
  return fault('client', text, fix)
}

const TRUST =
  'let the client trust its authority, as docs/security.md#tls says; ' +
  'entrepot does with NODE_EXTRA_CA_CERTS=FILE in front'
