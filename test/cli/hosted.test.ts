import { utimes } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { fetchedDigest } from '../support/fetched.ts'
import { MirrorStage } from './mirror-stage.ts'
import { rowsOf } from './tables.ts'

const HOUR_MS = 3_600_000
const PUSHED_BY_ALL = {
  ENTREPOT_HOSTED__ENABLED: 'true',
  ENTREPOT_AUTH__ANONYMOUS__0: 'pull',
  ENTREPOT_AUTH__ANONYMOUS__1: 'push',
}

async function pushBlob(stage: MirrorStage, blob: Buffer): Promise<void> {
  const url = `${stage.url}/v2/private/app/blobs/uploads/?digest=${digestOf(blob)}`
  const answer = await fetch(url, { method: 'POST', body: blob })
  expect(answer.status).toBe(201)
}

test('what was pushed and nothing needs is listed with the reason, and freed', async () => {
  await using stage = await MirrorStage.start(PUSHED_BY_ALL)
  const blob = Buffer.alloc(100 * 1024)
  await pushBlob(stage, blob)
  expect(await stage.run('gc')).toMatchObject({ code: 0, stdout: 'nothing to collect\n' })
  await stage.age(HOUR_MS)
  const { code, stdout } = await stage.run('gc', '--dry-run')
  expect([code, stdout.trimEnd().split('\n').at(-1)]).toEqual([0, 'would free 100 KiB'])
  expect(rowsOf(stdout)[0]).toEqual({
    KIND: 'blob',
    SIZE: '100 KiB',
    REASON: 'no manifest names it',
    REPOSITORY: 'private/app',
    DIGEST: digestOf(blob),
  })
  const dry = await stage.run('gc', '--dry-run', '--json')
  expect(JSON.parse(dry.stdout)).toMatchObject({ kind: 'blob', bytes: blob.length })
  expect(await stage.run('gc')).toMatchObject({
    code: 0,
    stdout: 'collected: tags 0, manifests 0, blobs 1; freed 100 KiB\n',
  })
  const again = await stage.run('gc', '--json')
  expect(JSON.parse(again.stdout)).toEqual({
    tags: 0,
    manifests: 0,
    blobs: 0,
    freedContents: 0,
    freedBytes: 0,
  })
})

test('what was pushed is neither evicted nor purged', async () => {
  await using stage = await MirrorStage.start(PUSHED_BY_ALL)
  const mirrored = await stage.pull('library/alpine:3')
  const pushed = await pushManifest(stage, 'one')
  const unnamed = Buffer.from('not named yet')
  await pushBlob(stage, unnamed)
  await stage.age(HOUR_MS)
  expect((await stage.run('evict', '--to', '0B')).code).toBe(0)
  for (const image of ['private/app:1', 'private/app']) {
    expect(await stage.run('purge', image)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('was pushed, and is nowhere else') as string,
    })
  }
  expect((await stage.run('sweep')).code).toBe(0)
  const { stdout } = await stage.run('ls', '--json')
  expect(stdout).toContain(pushed)
  expect(stdout).not.toContain(mirrored.root.digest)
  const url = `${stage.url}/v2/private/app`
  expect(await fetchedDigest(`${url}/manifests/1`)).toBe(pushed)
  for (const blob of [unnamed, Buffer.from('{}')]) {
    expect(await fetchedDigest(`${url}/blobs/${digestOf(blob)}`)).toBe(digestOf(blob))
  }
})

test('an upload that nobody goes on with for a day is swept', async () => {
  await using stage = await MirrorStage.start(PUSHED_BY_ALL)
  const uploads = Array.from({ length: 2 }, async () => {
    const url = `${stage.url}/v2/private/app/blobs/uploads/`
    const location = (await fetch(url, { method: 'POST' })).headers.get('location') ?? ''
    const upload = new URL(location, stage.url)
    expect((await fetch(upload, { method: 'PATCH', body: 'part' })).status).toBe(202)
    return upload
  })
  const [left, current] = await Promise.all(uploads)
  const dayAgo = new Date(Date.now() - 25 * HOUR_MS)
  await utimes(join(stage.data, 'uploads', basename(left!.pathname)), dayAgo, dayAgo)
  const { stdout } = await stage.run('sweep', '--dry-run', '--json')
  expect(stdout.trimEnd().split('\n')).toHaveLength(1)
  expect((await stage.run('sweep')).code).toBe(0)
  const gone = await fetch(left!)
  expect([gone.status, await gone.text()]).toEqual([
    404,
    expect.stringContaining('BLOB_UPLOAD_UNKNOWN') as string,
  ])
  const kept = await fetch(current!)
  expect([kept.status, kept.headers.get('range')]).toEqual([204, '0-3'])
})

test('a tag that was pushed cannot be frozen, and what keeps it is named', async () => {
  await using stage = await MirrorStage.start(PUSHED_BY_ALL)
  await pushManifest(stage, 'one')
  const why = 'private/app:1 is of no upstream, so it cannot be frozen: see hosted.immutable'
  for (const at of [[], ['--at', '1h']]) {
    expect(await stage.run('freeze', 'private/app:1', ...at)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(why) as string,
    })
  }
})

test('a tag goes back to what it stood for before', async () => {
  await using stage = await MirrorStage.start(PUSHED_BY_ALL)
  const [one, two] = [await pushManifest(stage, 'one'), await pushManifest(stage, 'two')]
  const { stdout } = await stage.run('history', 'private/app:1')
  expect(rowsOf(stdout).map(({ DIGEST }) => DIGEST)).toEqual([two, one])
  expect(await stage.run('rollback', 'private/app:1')).toMatchObject({
    code: 0,
    stdout: `private/app:1 stands for ${one}\n`,
  })
  const { stdout: json } = await stage.run('rollback', 'private/app:1', '--to', two, '--json')
  expect(JSON.parse(json)).toEqual({ repository: 'private/app', tag: '1', digest: two })
  const refused = [
    ['private/app:2', 'the history of private/app:2 knows of nothing to go back to there'],
    ['node:22', 'docker.io/library/node:22 is mirrored: freeze it instead'],
  ] as const
  for (const [image, why] of refused) {
    const stderr = expect.stringContaining(why) as string
    expect(await stage.run('rollback', image)).toMatchObject({ code: 1, stderr })
  }
})

/** An artifact without content of its own. */
async function pushManifest(stage: MirrorStage, seed: string): Promise<string> {
  await pushBlob(stage, Buffer.from('{}'))
  const empty = { mediaType: 'application/vnd.oci.empty.v1+json', size: 2 }
  const config = { ...empty, digest: digestOf(Buffer.from('{}')) }
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const annotations = { seed }
  const body = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [], annotations })
  const url = `${stage.url}/v2/private/app/manifests/1`
  const headers = { 'Content-Type': mediaType }
  const answer = await fetch(url, { method: 'PUT', headers, body })
  expect(answer.status).toBe(201)
  return digestOf(Buffer.from(body))
}

test('where nothing is hosted there is nothing to collect, and it says so', async () => {
  await using stage = await MirrorStage.start()
  expect(await stage.run('gc')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('nothing is hosted here: see hosted.enabled') as string,
  })
})
