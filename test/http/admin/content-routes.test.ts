import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type {
  ImageEntry,
  ImagePage,
  PinEntry,
  PinList,
  RepositoryEntry,
  RepositoryPage,
} from '../../../src/admin-api.ts'
import type { PullCounts, TopList } from '../../../src/admin-stats.ts'
import { eventually } from '../../support/eventually.ts'
import { buildImage, buildIndex, type TestImage } from '../../support/images.ts'
import type { Answer } from '../mirror.ts'
import { jsonOf, type LiveMirror, startLiveMirror } from './live-mirror.ts'

let mirror: LiveMirror
let alpine: TestImage
let node: TestImage

beforeAll(async () => {
  mirror = await startLiveMirror({ ENTREPOT_EVICTION__PINS__0: 'docker.io/library/busybox' })
  alpine = await mirror.pull('library/alpine:3')
  await mirror.pull('library/alpine:latest', alpine)
  node = buildIndex({
    amd64: await buildImage({ seed: 'node' }),
    arm64: await buildImage({ seed: 'node', architecture: 'arm64' }),
  })
  await mirror.pull('library/node:22', node)
})

afterAll(() => mirror[Symbol.asyncDispose]())

async function imagesOf(query = ''): Promise<ImageEntry[]> {
  return (jsonOf(await mirror.ask(`images${query}`)) as ImagePage).images
}

async function pins(): Promise<PinEntry[]> {
  return (jsonOf(await mirror.ask('pins')) as PinList).pins
}

function pin(pattern: string): Promise<Answer> {
  return mirror.ask('pins', { method: 'POST', body: { pattern } })
}

function unpin(pattern: string): Promise<Answer> {
  return mirror.ask(`pins?pattern=${encodeURIComponent(pattern)}`, { method: 'DELETE' })
}

function sizeOf(image: TestImage): number {
  const manifests = [...image.manifests.values()].map(({ bytes }) => bytes.length)
  const blobs = [...image.blobs.values()].map(({ length }) => length)
  return [...manifests, ...blobs].reduce((sum, bytes) => sum + bytes, 0)
}

describe('GET images', () => {
  test('tells of each image what it is, how much of it is held, and when it was used', async () => {
    const [first, ...others] = await imagesOf()
    expect(first).toEqual({
      repository: 'docker.io/library/alpine',
      tags: ['3', 'latest'],
      digest: alpine.root.digest,
      mediaType: alpine.root.mediaType,
      bytes: sizeOf(alpine),
      sharedBytes: 0,
      missingBytes: 0,
      storedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      usedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      pulls: expect.any(Object) as object,
      isPinned: false,
    })
    expect(others).toMatchObject([
      { digest: node.root.digest, tags: ['22'], bytes: sizeOf(node), missingBytes: 0 },
    ])
  })

  test('tells how often each was pulled, and with which outcome', async () => {
    await using other = await startLiveMirror()
    await other.pull('library/alpine:3', alpine)
    const [manifests, look] = [`${other.url}/v2/library/alpine/manifests`, { method: 'HEAD' }]
    for (const name of ['3', alpine.root.digest]) {
      await (await fetch(`${manifests}/${name}`)).arrayBuffer()
      await fetch(`${manifests}/${name}`, look)
    }
    // A pull is counted when its answer has ended, which its client may notice first.
    const pulls = await eventually('all are counted', async () => {
      const { images } = jsonOf(await other.ask('images')) as ImagePage
      return images.find(({ pulls: { hit, miss } }) => hit + miss === 4)?.pulls
    })
    expect(pulls).toEqual({ hit: 3, miss: 1, join: 0, stale: 0, bypass: 0 })
  })

  test.each(['node', 'library/node', 'docker.io/library/node', 'index.docker.io/node'])(
    'of %s tells of that repository',
    async (name) => {
      const images = await imagesOf(`?repository=${encodeURIComponent(name)}`)
      expect(images.map(({ repository }) => repository)).toEqual(['docker.io/library/node'])
    },
  )

  test('of a repository that is not held is empty', async () => {
    expect(jsonOf(await mirror.ask('images?repository=debian'))).toEqual({ images: [], next: null })
  })

  test('comes in pages', async () => {
    const seen: string[] = []
    let after = ''
    for (;;) {
      const page = jsonOf(await mirror.ask(`images?limit=1${after}`)) as ImagePage
      seen.push(...page.images.map(({ digest }) => digest))
      if (page.next === null) break
      after = `&after=${page.next}`
    }
    expect(seen).toEqual([alpine.root.digest, node.root.digest])
  })

  test.each([
    ['limit=0', 'limit: Too small: expected number to be >=1'],
    ['limit=1001', 'limit: Too big: expected number to be <=1000'],
    ['limit=all', 'limit: Invalid input: expected number, received NaN'],
    ['after=x', 'after: expected what the last page gave as next'],
    ['repository=alpine:3', 'alpine:3 is not the name of a repository'],
    ['repository=Alpine', 'Alpine is not the name of an image'],
    ['repository=a&repository=b', 'repository: Invalid input: expected string, received array'],
    ['tag=3', 'Unrecognized key: "tag"'],
  ])('refuses ?%s', async (query, message) => {
    const answer = await mirror.ask(`images?${query}`)
    expect(answer.status).toBe(400)
    expect(jsonOf(answer)).toEqual({ error: { code: 'INVALID', message } })
  })
})

describe('pins', () => {
  test('are put, hold what matches, and are taken back', async () => {
    const pattern = 'docker.io/library/node:2*'
    expect(jsonOf(await pin('node:2*'))).toEqual({ pattern })
    expect(await pins()).toContainEqual({
      pattern,
      source: 'command',
      createdAt: expect.any(String) as string,
      images: 1,
      bytes: sizeOf(node),
    })
    expect((await imagesOf()).map(({ isPinned }) => isPinned)).toEqual([false, true])
    expect(jsonOf(await unpin('node:2*'))).toEqual({ pattern })
    expect((await imagesOf()).map(({ isPinned }) => isPinned)).toEqual([false, false])
  })

  test('that are not there are not taken back', async () => {
    const answer = await unpin('debian:12')
    expect(answer.status).toBe(404)
    expect(jsonOf(answer)).toEqual({
      error: { code: 'NOT_FOUND', message: 'there is no pin docker.io/library/debian:12' },
    })
  })

  test('of the configuration stay', async () => {
    const answer = await unpin('busybox')
    expect(answer.status).toBe(409)
    expect(jsonOf(answer)).toMatchObject({ error: { code: 'CONFLICT' } })
    expect(await pins()).toEqual([
      {
        pattern: 'docker.io/library/busybox',
        source: 'config',
        createdAt: null,
        images: 0,
        bytes: 0,
      },
    ])
  })

  test.each(['', 'node:', 'NODE', 'node@sha256:1', 'node:22 '])(
    '"%s" is no pattern',
    async (pattern) => {
      expect(await pin(pattern)).toMatchObject({ status: 400 })
    },
  )
})

async function page(query = ''): Promise<RepositoryPage> {
  return jsonOf(await mirror.ask(`repositories${query}`)) as RepositoryPage
}

function names({ repositories }: RepositoryPage): string[] {
  return repositories.map(({ repository }) => repository)
}

describe('GET repositories', () => {
  test('tells of each what is held and what went to clients of it', async () => {
    const { repositories, next } = await page()
    expect(next).toBeNull()
    expect(repositories).toEqual([
      {
        repository: 'docker.io/library/alpine',
        images: 1,
        bytes: sizeOf(alpine),
        sharedBytes: 0,
        usedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
        servedBytes: expect.any(Number) as number,
        pulls: expect.objectContaining({ bypass: 0 }) as PullCounts,
      },
      expect.objectContaining({
        repository: 'docker.io/library/node',
        images: 1,
        bytes: sizeOf(node),
      }) as RepositoryEntry,
    ] satisfies RepositoryEntry[])
  })

  test('counts what went to clients as the statistics do', async () => {
    const { repositories } = await eventually('all is counted', async () => {
      const [told, top] = [await page(), jsonOf(await mirror.ask('stats/top')) as TopList]
      const known = new Map(top.repositories.map(({ repository, bytes }) => [repository, bytes]))
      const isSame = told.repositories.every(
        ({ repository, servedBytes }) => servedBytes === known.get(repository),
      )
      return isSame ? told : undefined
    })
    expect(repositories.every(({ servedBytes }) => servedBytes > 0)).toBe(true)
  })

  test('comes page by page, and by a part of the name', async () => {
    const first = await page('?limit=1')
    expect(names(first)).toEqual(['docker.io/library/alpine'])
    expect(names(await page(`?limit=1&after=${first.next}`))).toEqual(['docker.io/library/node'])
    expect(names(await page('?search=NOD'))).toEqual(['docker.io/library/node'])
    expect((await mirror.ask('repositories?after=x')).status).toBe(400)
  })
})
