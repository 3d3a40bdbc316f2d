import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseReferrers, type Referrer } from '../../../src/oci/referrers.ts'
import { run } from '../processes.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { hashFolder } from './hashes.ts'

/** regctl, which knows of referrers and of cosign's tags. Names are those of one registry. */
export interface Regctl extends AsyncDisposable {
  /** Copies an image with all that is about it, and gives the digests of what came. */
  copyAll(name: string): Promise<Set<string>>
  /** Those of one type alone, where one is given. */
  referrers(name: string, artifactType?: string): Promise<readonly Referrer[]>
  /** The file in the one artifact of that type about an image. */
  artifact(name: string, artifactType: string): Promise<string>
  /** Pushes a file as an artifact of that type about an image, and gives its digest. */
  putArtifact(name: string, artifactType: string, content: string): Promise<string>
  /** Copies an image with all that is about it to another name. */
  push(name: string, as: string): Promise<void>
  tags(repository: string): Promise<string[]>
  deleteManifest(name: string): Promise<void>
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
    async referrers(name, artifactType) {
      const filter = artifactType === undefined ? [] : ['--filter-artifact-type', artifactType]
      const list = ['artifact', 'list', '--format', 'body', ...filter]
      const body = await regctl(...list, `${host}/${name}`)
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
    async putArtifact(name, artifactType, content) {
      const file = join(folder.path, 'artifact')
      await writeFile(file, content)
      const format = ['--format', '{{.Manifest.GetDescriptor.Digest}}']
      const about = ['--artifact-type', artifactType, '--subject', `${host}/${name}`]
      const digest = await regctl('artifact', 'put', ...about, ...format, '--file', file)
      return digest.trim()
    },
    async push(name, as) {
      const withAll = ['--referrers', '--digest-tags']
      await regctl('image', 'copy', ...withAll, `${host}/${name}`, `${host}/${as}`)
    },
    async tags(repository) {
      const tags = await regctl('tag', 'ls', `${host}/${repository}`)
      return tags.split('\n').filter(Boolean)
    },
    async deleteManifest(name) {
      await regctl('manifest', 'delete', `${host}/${name}`)
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}
