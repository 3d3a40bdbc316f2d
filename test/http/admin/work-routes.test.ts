import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ImagePage, JobList, RemovableEntry, WorkProgress } from '../../../src/admin-api.ts'
import { digestOf, encodedOf, type Digest } from '../../../src/oci/digest.ts'
import type { TestImage } from '../../support/images.ts'
import { jsonOf, linesOf, type LiveMirror, startLiveMirror } from './live-mirror.ts'

const HOUR_MS = 3_600_000

let mirror: LiveMirror

beforeEach(async () => {
  mirror = await startLiveMirror()
})

afterEach(() => mirror[Symbol.asyncDispose]())

/** Items of long work, and its result or error as it is. */
async function work(name: string, body: object = {}) {
  const answer = await mirror.ask(name, { method: 'POST', body })
  const lines = linesOf(answer)
  return {
    status: answer.status,
    items: lines.filter((line) => 'item' in line).map(({ item }) => item),
    end: lines.at(-1),
  }
}

async function heldDigests(): Promise<string[]> {
  const { images } = jsonOf(await mirror.ask('images')) as ImagePage
  return images.map(({ digest }) => digest)
}

function pathOf(digest: Digest): string {
  const hex = encodedOf(digest)
  return join(mirror.data, 'blobs', 'sha256', hex.slice(0, 2), hex)
}

function contentsOf(image: TestImage): number {
  return image.manifests.size + image.blobs.size
}

describe('POST evict', () => {
  test('evicts until no more than the size is held', async () => {
    const alpine = await mirror.pull('library/alpine:3')
    await mirror.age(HOUR_MS)
    const { bytes } = (await mirror.stats()).store
    expect(await work('evict', { toBytes: bytes })).toMatchObject({
      end: { result: { images: 0, contents: 0, bytes: 0 } },
    })
    expect(await work('evict', { toBytes: 0 })).toEqual({
      status: 200,
      items: [],
      end: { result: { images: 1, contents: contentsOf(alpine), bytes } },
    })
    expect((await mirror.stats()).store).toMatchObject({ bytes: 0, entries: 0 })
  })

  test('as a dry run tells what would go, the coldest first, and leaves it', async () => {
    const alpine = await mirror.pull('library/alpine:3')
    await mirror.age(HOUR_MS)
    const node = await mirror.pull('library/node:22')
    await mirror.age(HOUR_MS)
    const { items, end } = await work('evict', { dryRun: true, toBytes: 0 })
    expect(items).toMatchObject([
      {
        digest: alpine.root.digest,
        names: [{ repository: 'docker.io/library/alpine', tags: ['3'] }],
        bytes: expect.any(Number) as number,
        usedAt: expect.any(String) as string,
      },
      { digest: node.root.digest },
    ])
    const sizes = (items as RemovableEntry[]).map(({ bytes }) => bytes)
    const total = sizes.reduce((sum, bytes) => sum + bytes, 0)
    expect(end).toMatchObject({ result: { images: 2, bytes: total } })
    const first = await work('evict', { dryRun: true, toBytes: 0, limit: 1 })
    expect(first.items).toEqual(items.slice(0, 1))
    expect(first.end).toMatchObject({ result: { images: 1 } })
    expect(await heldDigests()).toEqual([alpine.root.digest, node.root.digest])
  })
})

test('POST evict takes no limit where it really evicts', async () => {
  const answer = await mirror.ask('evict', { method: 'POST', body: { limit: 1 } })
  expect(answer.status).toBe(400)
  expect(jsonOf(answer)).toMatchObject({ error: { message: 'limit: is for dry runs' } })
})

describe('POST purge', () => {
  test('removes an image by its name, in use and pinned', async () => {
    const alpine = await mirror.pull('library/alpine:3')
    const node = await mirror.pull('library/node:22')
    await mirror.ask('pins', { method: 'POST', body: { pattern: 'alpine' } })
    expect(await work('purge', { reference: 'alpine:3' })).toMatchObject({
      status: 200,
      end: { result: { images: 1, contents: contentsOf(alpine) } },
    })
    expect(await heldDigests()).toEqual([node.root.digest])
  })

  test('of a tag whose image others need takes the tag alone, and says so', async () => {
    const alpine = await mirror.pull('library/alpine:3')
    await mirror.pull('library/alpine:latest', alpine)
    await mirror.pull('library/copy:1', alpine)
    expect(await work('purge', { reference: 'alpine:3' })).toMatchObject({
      end: { result: { tags: 1, images: 0, contents: 0, bytes: 0 } },
    })
    expect(await work('purge', { reference: 'alpine' })).toMatchObject({
      end: { result: { tags: 1, images: 0 } },
    })
    const node = await mirror.pull('library/node:22')
    expect(await work('purge', { reference: `node@${node.root.digest}` })).toMatchObject({
      end: { result: { tags: 1, images: 1, contents: contentsOf(node) } },
    })
  })

  test('of what is not held removes nothing', async () => {
    expect(await work('purge', { reference: 'docker.io/library/debian@sha256:' })).toMatchObject({
      status: 400,
    })
    expect(await work('purge', { reference: 'debian:12' })).toMatchObject({
      end: { result: { tags: 0, images: 0, contents: 0, bytes: 0 } },
    })
  })
})

describe('POST scrub', () => {
  test('finds a wrong byte, which is never served', async () => {
    const alpine = await mirror.pull('library/alpine:3')
    const [layer] = alpine.blobs.keys()
    const bytes = await readFile(pathOf(layer!))
    bytes[100]! ^= 1
    await writeFile(pathOf(layer!), bytes)
    expect(await work('scrub')).toMatchObject({ end: { result: { quarantined: 1 } } })
    mirror.hub.forgetRequests()
    await mirror.pull('library/alpine:3', alpine)
    expect(mirror.hub.count({ kind: 'blob' })).toBe(1)
  })
})

describe('POST sweep', () => {
  test('as a dry run tells what does not fit and why, and leaves it', async () => {
    await mirror.pull('library/alpine:3')
    const stray = Buffer.from('a blob that nobody knows')
    await mkdir(dirname(pathOf(digestOf(stray))), { recursive: true })
    await writeFile(pathOf(digestOf(stray)), stray)
    const found = {
      action: 'adopt',
      name: digestOf(stray),
      bytes: stray.length,
      reason: expect.any(String) as string,
    }
    const none = { adopt: 0, quarantine: 0, forget: 0, remove: 0 }
    const { entries } = (await mirror.stats()).store
    expect(await work('sweep', { dryRun: true })).toEqual({
      status: 200,
      items: [found],
      end: { result: { ...none, adopt: 1 } },
    })
    expect((await mirror.stats()).store.entries).toBe(entries)
    expect(await work('sweep')).toMatchObject({ items: [], end: { result: { adopt: 1 } } })
    expect((await mirror.stats()).store.entries).toBe(entries + 1)
    expect(await work('sweep')).toMatchObject({ end: { result: none } })
  })
})

describe('work that is under way', () => {
  let slow: LiveMirror

  beforeEach(async () => {
    slow = await startLiveMirror({ ENTREPOT_SCRUB__RATE: '300KiB' })
    await slow.pull('library/alpine:3')
  })

  afterEach(() => slow[Symbol.asyncDispose]())

  async function scrub() {
    const { jobs } = jsonOf(await slow.ask('jobs')) as JobList
    return jobs.find(({ name }) => name === 'scrub')
  }

  test('goes on when its caller leaves, and is joined by the next', async () => {
    const caller = new AbortController()
    const left = fetch(`${slow.adminUrl}/api/v1/scrub`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      signal: caller.signal,
    })
    const { body } = await left
    // The first line: it is under way.
    await body?.getReader().read()
    const startedAt = (await scrub())?.isRunning
    caller.abort()
    expect(startedAt).toBe(true)
    const before = (await scrub())?.progress?.done ?? 0
    const answer = linesOf(await slow.ask('scrub', { method: 'POST', body: {} }))
    expect(answer.at(-1)).toMatchObject({ result: { contents: 4, quarantined: 0 } })
    const progress = answer.flatMap((line) => ('progress' in line ? [line['progress']] : []))
    expect(progress.every((one) => (one as WorkProgress).done >= before)).toBe(true)
    expect((await scrub())?.lastRun?.result).toMatchObject({ contents: 4 })
  })
})

test('GET jobs tells what runs by itself', async () => {
  await work('scrub')
  const { jobs } = jsonOf(await mirror.ask('jobs')) as JobList
  expect(jobs.map(({ name }) => name)).toEqual(['evict', 'scrub', 'sweep'])
  expect(jobs.find(({ name }) => name === 'scrub')).toEqual({
    name: 'scrub',
    everyMs: 7 * 24 * HOUR_MS,
    isRunning: false,
    progress: null,
    lastRun: {
      startedAt: expect.any(String) as string,
      endedAt: expect.any(String) as string,
      result: { contents: 0, bytes: 0, quarantined: 0 },
      error: null,
    },
    nextRunAt: expect.any(String) as string,
  })
})
