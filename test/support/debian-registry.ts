import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodedOf } from '../../src/oci/digest.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import type { TestImage } from './images.ts'
import { run, RunningProcess } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Debian's docker-registry with a storage of its own. */
export interface DebianRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** Pushes the image with skopeo, byte for byte. */
  push(name: string, image: TestImage): Promise<void>
  /** The requests so far, as `GET /v2/…`, out of its access log. */
  requests(): string[]
  /** Ends it; what it holds is gone too. */
  [Symbol.asyncDispose](): Promise<void>
}

export async function startDebianRegistry(): Promise<DebianRegistry> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const host = `127.0.0.1:${await freePort()}`
  const config = join(folder.path, 'config.json')
  await writeFile(
    config,
    JSON.stringify({
      version: '0.1',
      log: { level: 'error' },
      storage: { filesystem: { rootdirectory: join(folder.path, 'registry') } },
      http: { addr: host },
    }),
  )
  const registry = stack.use(new RunningProcess(['docker-registry', 'serve', config]))
  await eventually('docker-registry answers', async () => {
    if (registry.exit) throw new Error(`docker-registry ended:\n${registry.output}`)
    return fetch(`http://${host}/v2/`).then(
      (response) => response.ok,
      () => false,
    )
  })
  const owned = stack.move()
  return {
    host,
    async push(name, image) {
      const source = join(folder.path, 'image')
      await writeImageFolder(source, image)
      await run([
        'skopeo',
        '--insecure-policy',
        'copy',
        '--all',
        '--preserve-digests',
        '--dest-tls-verify=false',
        `dir:${source}`,
        `docker://${host}/${name}`,
      ])
      await rm(source, { recursive: true })
    },
    requests: () =>
      [...registry.output.matchAll(/"((?:GET|HEAD) \/v2\/[^ "]+) HTTP/g)].map(
        ([, line = '']) => line,
      ),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The image as skopeo's `dir:` transport reads it. */
async function writeImageFolder(path: string, image: TestImage): Promise<void> {
  await mkdir(path)
  await writeFile(join(path, 'version'), 'Directory Transport Version: 1.1\n')
  for (const [digest, bytes] of image.blobs) await writeFile(join(path, encodedOf(digest)), bytes)
  for (const [digest, { bytes }] of image.manifests) {
    const isRoot = digest === image.root.digest
    await writeFile(
      join(path, isRoot ? 'manifest.json' : `${encodedOf(digest)}.manifest.json`),
      bytes,
    )
  }
}
