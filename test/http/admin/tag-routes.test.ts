import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FreezeList, HoldList, TagHistory } from '../../../src/admin-api.ts'
import { buildImage } from '../../support/images.ts'
import { letTimePass } from '../../support/passing-time.ts'
import type { Answer } from '../mirror.ts'
import { jsonOf, type LiveMirror, startLiveMirror } from './live-mirror.ts'

const HOUR_MS = 3_600_000
const DIGEST = 'docker-content-digest'
const NAME = { repository: 'docker.io/library/node', tag: '22' }

const old = await buildImage({ seed: 'old' })
const young = await buildImage({ seed: 'young' })
const newest = await buildImage({ seed: 'newest' })

/** Every way to a tag of Docker Hub. */
const WAYS = [
  '/v2/library/node/manifests/22',
  '/v2/node/manifests/22',
  '/v2/library/node/manifests/22?ns=docker.io',
  '/v2/docker.io/library/node/manifests/22',
  '/docker.io/v2/library/node/manifests/22',
]

/** The daemon with a hold, over a Docker Hub; it asks about tags with each pull, and has `old` as node:22. */
async function startHoldingMirror(): Promise<LiveMirror> {
  const mirror = await startLiveMirror({
    ENTREPOT_UPSTREAMS__DOCKER_IO__TAGS__FRESH_FOR: '0s',
    ENTREPOT_UPSTREAMS__DOCKER_IO__TAGS__HOLD: '72h',
    ENTREPOT_UPSTREAMS__DOCKER_IO__TAGS__HOLD_EXCEPT__0: 'library/debian:*',
  })
  await mirror.pull('library/node:22', old)
  return mirror
}

/** The digests that clients get, by GET and HEAD and by every way. */
async function served({ url }: LiveMirror): Promise<Set<string | null>> {
  const digests = new Set<string | null>()
  for (const way of WAYS) {
    for (const method of ['HEAD', 'GET']) {
      const answer = await fetch(`${url}${way}`, { method })
      await answer.arrayBuffer()
      digests.add(answer.headers.get(DIGEST))
    }
  }
  return digests
}

function post(mirror: LiveMirror, path: string, body: object): Promise<Answer> {
  return mirror.ask(path, { method: 'POST', body })
}

async function holdsOf(mirror: LiveMirror): Promise<HoldList['holds']> {
  return (jsonOf(await mirror.ask('holds')) as HoldList).holds
}

describe('a tag that Docker Hub has moved', () => {
  test('is held by whatever way it is pulled, and let through when its time has come', async () => {
    await using mirror = await startHoldingMirror()
    mirror.hub.add('library/node', '22', young)
    mirror.hub.forgetRequests()
    expect(await served(mirror)).toEqual(new Set([old.root.digest]))
    expect(mirror.hub.count({ method: 'GET', kind: 'manifest' })).toBe(0)
    const byDigest = `${mirror.url}/v2/library/node/manifests/${young.root.digest}`
    expect((await fetch(byDigest)).headers.get(DIGEST)).toBe(young.root.digest)
    const [hold, ...others] = await holdsOf(mirror)
    expect(hold).toMatchObject({
      ...NAME,
      digest: old.root.digest,
      newDigest: young.root.digest,
    })
    expect(others).toEqual([])
    const { knownSince, servedFrom } = hold!
    expect(Date.parse(servedFrom) - Date.parse(knownSince)).toBe(72 * HOUR_MS)
    letTimePass(mirror.data, 71 * HOUR_MS)
    expect(await served(mirror)).toEqual(new Set([old.root.digest]))
    letTimePass(mirror.data, HOUR_MS)
    expect(await served(mirror)).toEqual(new Set([young.root.digest]))
    expect(await holdsOf(mirror)).toEqual([])
  })

  test('is not held where that is excepted', async () => {
    await using mirror = await startHoldingMirror()
    await mirror.pull('library/debian:13', old)
    mirror.hub.add('library/debian', '13', young)
    const answer = await fetch(`${mirror.url}/v2/library/debian/manifests/13`)
    expect(answer.headers.get(DIGEST)).toBe(young.root.digest)
  })

  test('is let through by a release, and counted by the metrics until then', async () => {
    await using mirror = await startHoldingMirror()
    const waiting = async () => {
      const metrics = await fetch(`${mirror.adminUrl}/metrics`)
      return /^entrepot_tags_held (\d+)$/m.exec(await metrics.text())?.[1]
    }
    expect(await waiting()).toBe('0')
    mirror.hub.add('library/node', '22', young)
    await served(mirror)
    expect(await waiting()).toBe('1')
    const answer = await post(mirror, 'release', { reference: 'node:22' })
    expect(jsonOf(answer)).toEqual({ ...NAME, digest: young.root.digest })
    expect(await served(mirror)).toEqual(new Set([young.root.digest]))
    expect(await waiting()).toBe('0')
  })

  test('is not released when it has moved on, or upstream is down', async () => {
    await using mirror = await startHoldingMirror()
    mirror.hub.add('library/node', '22', young)
    await served(mirror)
    mirror.hub.add('library/node', '22', newest)
    const moved = await post(mirror, 'release', { reference: 'node:22' })
    expect(moved.status).toBe(409)
    await mirror.hub.goDown('registry')
    const down = await post(mirror, 'release', { reference: 'node:22' })
    expect(down.status).toBe(502)
    expect(jsonOf(down)).toMatchObject({ error: { code: 'UPSTREAM_FAILED' } })
    expect(await served(mirror)).toEqual(new Set([old.root.digest]))
  })
})

describe('a tag', () => {
  test('has a history', async () => {
    await using mirror = await startHoldingMirror()
    mirror.hub.add('library/node', '22', young)
    await served(mirror)
    const answer = jsonOf(await mirror.ask('history?reference=node:22')) as TagHistory
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string
    const { mediaType } = old.root
    const times = { mediaType, firstSeen: time, lastSeen: time, by: null }
    expect(answer).toEqual({
      ...NAME,
      history: [
        { ...times, digest: young.root.digest, servedSince: null },
        { ...times, digest: old.root.digest, servedSince: time },
      ],
    })
    expect(jsonOf(await mirror.ask('history?reference=node'))).toEqual({
      repository: NAME.repository,
      tag: 'latest',
      history: [],
    })
  })

  test('is frozen, by whatever way it is pulled, without asking upstream', async () => {
    await using mirror = await startHoldingMirror()
    const at = new Date().toISOString()
    mirror.hub.add('library/node', '22', young)
    await served(mirror)
    await post(mirror, 'release', { reference: 'node:22' })
    expect(await served(mirror)).toEqual(new Set([young.root.digest]))
    const answer = await post(mirror, 'freezes', { reference: 'node:22', at })
    expect(jsonOf(answer)).toEqual({ ...NAME, digest: old.root.digest })
    mirror.hub.forgetRequests()
    expect(await served(mirror)).toEqual(new Set([old.root.digest]))
    expect(mirror.hub.count()).toBe(0)
    const { freezes } = jsonOf(await mirror.ask('freezes')) as FreezeList
    expect(freezes).toMatchObject([{ ...NAME, digest: old.root.digest }])
    const unfrozen = await mirror.ask('freezes?reference=node:22', { method: 'DELETE' })
    expect(jsonOf(unfrozen)).toEqual(NAME)
    expect(await served(mirror)).toEqual(new Set([young.root.digest]))
  })
})

describe('what is refused', () => {
  let mirror: LiveMirror

  beforeAll(async () => {
    mirror = await startHoldingMirror()
  })

  afterAll(() => mirror[Symbol.asyncDispose]())

  test.each([
    ['POST', 'release', { reference: 'node:22' }, 404, 'nothing waits for'],
    ['POST', 'release', { reference: `node@${old.root.digest}` }, 400, 'not the name of a tag'],
    ['POST', 'release', { reference: 'Node' }, 400, 'not the name of an image'],
    ['POST', 'freezes', { reference: 'node:22', at: 'yore' }, 400, 'a digest or a time'],
    ['POST', 'freezes', { reference: 'node:22', at: 'v 1' }, 400, 'a digest or a time'],
    ['POST', 'freezes', { reference: 'node:22', at: '2020-01-01T00:00Z' }, 404, 'nobody knows'],
    ['POST', 'freezes', { reference: 'node:22', at: newest.root.digest }, 404, 'nobody has that'],
    ['POST', 'freezes', { reference: 'absent' }, 404, 'nobody knows'],
    ['POST', 'freezes', { reference: 'quay.io/a/b:1' }, 409, 'is of no upstream'],
    ['DELETE', 'freezes?reference=node:22', undefined, 404, 'is not frozen'],
    ['GET', 'history', undefined, 400, 'reference'],
  ])('%s %s %j is %i', async (method, path, body, status, message) => {
    const answer = await mirror.ask(path, { method, ...(body && { body }) })
    expect(answer.status).toBe(status)
    expect(answer.body.toString()).toContain(message)
  })
})
