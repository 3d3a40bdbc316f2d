import { join } from 'node:path'
import { parseReferrers, type Referrer } from '../../../src/oci/referrers.ts'
import { run } from '../processes.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { hashFolder } from './hashes.ts'

/** regctl, which knows of referrers and of cosign's tags. Names are those of one registry. */
export interface Regctl extends AsyncDisposable {
  /** Copies an image with all that is about it, and gives the digests of what came. */
  copyAll(name: string): Promise<Set<string>>
  referrers(name: string): Promise<readonly Referrer[]>
  /** The file in the one artifact of that type about an image. */
  artifact(name: string, artifactType: string): Promise<string>
}

/** @param host `127.0.0.1:PORT` */
export async function startRegctl(host: string): Promise<Regctl> {
  const folder = await temporaryFolder()
  const env = { HOME: folder.path, REGCTL_CONFIG: join(folder.path, 'regctl.json') }
  let copies = 0
  const regctl = (...args: string[]) => {
    return run(['regctl', '--host', `reg=${host},tls=disabled`, ...args], { env })
  }
  return {
    async copyAll(name) {
      const copy = join(folder.path, `copy-${++copies}`)
      const withAll = ['--referrers', '--digest-tags']
      await regctl('image', 'copy', ...withAll, `${host}/${name}`, `ocidir://${copy}:1`)
      return hashFolder(copy)
    },
    async referrers(name) {
      const body = await regctl('artifact', 'list', '--format', 'body', `${host}/${name}`)
      const referrers = parseReferrers(Buffer.from(body))
      if (!referrers) throw new Error(`regctl gave no list of referrers: ${body}`)
      return referrers
    },
    artifact: (name, artifactType) =>
      regctl(
        'artifact',
        'get',
        '--subject',
        `${host}/${name}`,
        '--filter-artifact-type',
        artifactType,
      ),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}
