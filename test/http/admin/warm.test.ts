import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { JobList, WarmedEntry } from '../../../src/admin-api.ts'
import { caught } from '../../support/caught.ts'
import { eventually } from '../../support/eventually.ts'
import type { FakeHub } from '../../support/fake-hub/fake-hub.ts'
import { buildImage, buildIndex, type TestImage } from '../../support/images.ts'
import { jsonOf, linesOf, type LiveMirror, startLiveMirror } from './live-mirror.ts'

let mirror: LiveMirror
let amd64: TestImage
let index: TestImage

beforeEach(async () => {
  mirror = await startLiveMirror({ ENTREPOT_UPSTREAMS__DOCKER_IO__DENY__0: 'library/secret' })
  amd64 = await buildImage({ seed: 'amd64' })
  index = buildIndex({ amd64, arm64: await buildImage({ seed: 'arm64' }) })
  publish(mirror.hub)
})

afterEach(() => mirror[Symbol.asyncDispose]())

function publish(hub: FakeHub): void {
  hub.add('library/demo', 'latest', index)
  hub.add('library/other', 'latest', amd64)
}

async function warm(body: object, at = mirror) {
  const answer = await at.ask('warm', { method: 'POST', body })
  const lines = linesOf(answer)
  const result = lines.at(-1)?.['result'] as { images: WarmedEntry[] } | undefined
  return {
    status: answer.status,
    error: answer.status === 200 ? undefined : lines[0]?.['error'],
    items: lines.flatMap((line) => ('item' in line ? [line['item']] : [])),
    images: result?.images,
  }
}

describe('POST warm', () => {
  test('tells of each manifest and blob, and what became of the image', async () => {
    const { items, images } = await warm({ images: ['demo'], platforms: ['linux/amd64'] })
    const wanted = [index.root.digest, ...amd64.manifests.keys(), ...amd64.blobs.keys()]
    expect(items).toHaveLength(wanted.length)
    expect(items[0]).toEqual({
      image: 'docker.io/library/demo:latest',
      digest: index.root.digest,
      kind: 'manifest',
      bytes: index.root.sizeBytes,
      outcome: 'miss',
    })
    const { bytes } = (await mirror.stats()).store
    expect(images).toEqual([
      {
        image: 'docker.io/library/demo:latest',
        digest: index.root.digest,
        contents: wanted.length,
        bytes,
        fetchedBytes: bytes,
        missingBytes: 0,
        error: null,
      },
    ])
    await mirror.hub.goDown()
    await mirror.pull('library/demo:latest', { ...amd64, root: index.root })
  })

  test('tells of each image why it is not held', async () => {
    const { images } = await warm({ images: ['secret', 'demo:gone', 'demo'] })
    expect(images?.map(({ error }) => error)).toEqual([
      {
        reason: 'denied',
        message: 'docker.io/library/secret:latest is denied here by the rule deny: library/secret',
      },
      { reason: 'absent', message: 'upstream does not have it' },
      null,
    ])
    expect(mirror.hub.requests.filter(({ path }) => path.includes('secret'))).toEqual([])
  })

  test.each([
    [{}, 'images: '],
    [{ images: [] }, 'images: '],
    [{ images: ['a b'] }, 'a b is not the name of an image'],
    [{ images: ['demo', 'quay.io/a/b'] }, 'quay.io/a/b: quay.io is no upstream of this mirror'],
    [{ images: ['demo'], platforms: ['amd64'] }, 'amd64 is not a platform'],
  ])('refuses %j', async (body, message) => {
    expect(await warm(body)).toMatchObject({
      status: 400,
      error: { code: 'INVALID', message: expect.stringContaining(message) as string },
    })
    expect(mirror.hub.requests).toEqual([])
  })

  test('ends with its caller; what is being filled is kept', async () => {
    const held = mirror.hub.fault({ server: 'cdn' }, { kind: 'hold' })
    const caller = new AbortController()
    const answer = await fetch(`${mirror.adminUrl}/api/v1/warm`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ images: ['demo'] }),
      signal: caller.signal,
    })
    await eventually('it is filling', () => held.hits === 3)
    caller.abort()
    expect(await caught(answer.text())).toMatchObject({ name: 'AbortError' })
    await eventually('it is known that nobody waits', async () =>
      (await readFile(mirror.log, 'utf8')).includes('"path":"/api/v1/warm"'),
    )
    held.release()
    await eventually('nothing is filled', async () => (await mirror.stats()).fills.length === 0)
    expect((await mirror.stats()).store.entries).toBe(index.manifests.size + 3)
    expect(mirror.hub.count({ server: 'cdn' })).toBe(3)
  })
})

test('what an upstream still allows is left to clients when it is nearly nothing', async () => {
  const hub = { rateLimit: { limit: index.manifests.size } }
  await using limited = await startLiveMirror({}, { hub, publish })
  const { images } = await warm({ images: ['demo', 'other'] }, limited)
  expect(images?.map(({ error }) => error?.reason)).toEqual([undefined, 'limited'])
  const pulls = limited.hub.matching({ kind: 'manifest', method: 'GET', status: 200 })
  expect(pulls).toHaveLength(index.manifests.size)
})

test('who waits when the daemon stops is told so', async () => {
  const held = mirror.hub.fault({ server: 'cdn' }, { kind: 'hold' })
  const asked = mirror.ask('warm', { method: 'POST', body: { images: ['demo'] } })
  await eventually('it is filling', () => held.hits === 3)
  const stopped = mirror[Symbol.asyncDispose]()
  expect(linesOf(await asked).at(-1)).toEqual({
    error: { code: 'STOPPING', message: 'the daemon is stopping' },
  })
  held.release()
  await stopped
})

test('what is configured is warmed at the start, and shown as a job', async () => {
  const env = { ENTREPOT_WARM__0__IMAGES__0: 'demo', ENTREPOT_WARM__0__PLATFORMS__0: 'linux/amd64' }
  await using scheduled = await startLiveMirror(env, { publish })
  const job = await eventually('it has run', async () => {
    const { jobs } = jsonOf(await scheduled.ask('jobs')) as JobList
    return jobs.find(({ name, lastRun }) => name === 'warm-1' && lastRun)
  })
  expect(job).toMatchObject({
    everyMs: 86_400_000,
    lastRun: { result: { failed: 0 }, error: null },
  })
  expect(job.lastRun?.result?.['fetchedBytes']).toBe((await scheduled.stats()).store.bytes)
})
