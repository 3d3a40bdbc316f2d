import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { MirrorStage } from '../cli/mirror-stage.ts'
import { bytesOf } from '../support/images.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG = Buffer.from('{}')

/** One in 256, so that two of them lie in one folder, which is made for the first. */
const isChosen = (bytes: Buffer) => digestOf(bytes).startsWith('sha256:00')

function chosen(make: (count: number) => Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let count = 0; found.length < 2; count++) {
    const bytes = make(count)
    if (isChosen(bytes)) found.push(bytes)
  }
  return found
}

function manifestOf(count: number): Buffer {
  const config = { mediaType: 'a/b', digest: digestOf(CONFIG), size: CONFIG.length }
  const annotations = { count: `${count}` }
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers: [], annotations }),
  )
}

/** What the file system was asked, as Node.js traces it; times are those of `nowUs`. */
interface Asked {
  name: string
  ph: 'b' | 'e'
  ts: number
  args: { path?: string; new_path?: string }
}

const isSync = (name: string) => name === 'fsync' || name === 'fdatasync'

const nowUs = () => Number(process.hrtime.bigint() / 1000n)

/** Returns when it was sent and answered. */
async function send(method: string, url: string, body?: Buffer) {
  const [startUs, headers] = [nowUs(), { 'Content-Type': MANIFEST_TYPE }]
  const answer = await fetch(url, { method, headers, ...(body && { body }) })
  expect(answer.ok).toBe(true)
  return { startUs, endUs: nowUs() }
}

/** It syncs as well, and begins by itself with the daemon. */
async function collected({ adminUrl }: MirrorStage): Promise<void> {
  const headers = { 'Content-Type': 'application/json' }
  const answer = await fetch(`${adminUrl}/api/v1/gc`, { method: 'POST', headers, body: '{}' })
  expect(await answer.text()).toContain('"result"')
}

test('what is acknowledged is on the disk: the bytes, then their name, then the facts', async () => {
  await using traces = await temporaryFolder()
  const trace = join(traces.path, 'trace.json')
  await using stage = await MirrorStage.start({
    ENTREPOT_HOSTED__ENABLED: 'true',
    ENTREPOT_AUTH__ANONYMOUS__0: 'admin',
    NODE_OPTIONS: `--trace-event-categories node.fs.async --trace-event-file-pattern ${trace}`,
  })
  await collected(stage)
  const app = `${stage.url}/v2/private/app`
  const uploads = (blob: Buffer) => `${app}/blobs/uploads/?digest=${digestOf(blob)}`
  await send('POST', uploads(CONFIG), CONFIG)
  const [first, blob] = chosen((count) => bytesOf(`blob ${count}`, 1_000))
  await send('POST', uploads(first!), first)
  const blobPush = await send('POST', uploads(blob!), blob)
  const [, manifest] = chosen(manifestOf)
  const manifestPush = await send('PUT', `${app}/manifests/1`, manifest)
  const deletion = await send('DELETE', `${app}/manifests/1`)
  await stage.stop()

  const { traceEvents } = JSON.parse(await readFile(trace, 'utf8')) as { traceEvents: Asked[] }
  /** What was done before the answer, as far as a power cut minds it: what began, and syncs that ended. */
  const done = ({ startUs, endUs }: { startUs: number; endUs: number }) =>
    traceEvents
      .filter(({ ts }) => startUs <= ts && ts <= endUs)
      .filter(({ name, ph }) => ph === (isSync(name) ? 'e' : 'b'))
      .flatMap(({ name, args: { path = '', new_path: to = '' } }) => {
        if (name === 'rename') return [`rename to ${basename(dirname(to))}`]
        if (name === 'open') return /(?:\/00|-wal)$/.test(path) ? [`open ${basename(path)}`] : []
        return isSync(name) ? ['sync'] : []
      })
  const factsLast = ['open inventory.db-wal', 'sync']
  const kept = ['sync', 'rename to 00', 'open 00', 'sync', ...factsLast]
  expect(done(blobPush)).toEqual(kept)
  expect(done(manifestPush)).toEqual(kept)
  expect(done(deletion)).toEqual(factsLast)
})
