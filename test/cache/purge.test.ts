import { describe, expect, it } from 'vitest'
import type { PurgeTarget, WorkListener } from '../../src/cache/operations.ts'
import { purge } from '../../src/cache/purge.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseRepository, type Repository } from '../../src/oci/reference.ts'
import { FeedRecorder } from '../support/feed-recorder.ts'
import { buildImage, buildIndex } from '../support/images.ts'
import { until } from '../support/turns.ts'
import { drained } from './fill-rig.ts'
import {
  byDigest,
  demo,
  mirrorOn,
  never,
  tagged,
  upstreamSource,
  type MirrorRig,
} from './mirror-rig.ts'

const registry = 'docker.io'
const other = parseRepository('library/other')!
const image = await buildImage({ seed: 'purged', layers: 2 })
const { digest } = image.root
const [blob = digest] = image.blobs.keys()
const contents = image.manifests.size + image.blobs.size
const nothing = { tags: 0, images: 0, contents: 0, bytes: 0, unlinked: 0 }
const tagAlone = { ...nothing, tags: 1 }
const unlinked = { ...nothing, unlinked: contents }
const latest = tagged('latest').tag

const nobody: WorkListener<never> = {
  progress: () => undefined,
  item: () => Promise.resolve(),
  signal: never,
}

async function prepare(isPublic: boolean) {
  const source = upstreamSource()
  for (const repository of [demo, other]) source.add(repository, 'latest', image)
  const rig = await mirrorOn(source, { isPublic })
  const publicRegistries = new Set(isPublic ? [registry] : [])
  return {
    ...rig,
    source,
    purge: (name: Repository, target?: PurgeTarget['target']) =>
      purge({ ...rig, publicRegistries }, { repository: { registry, name }, target }, nobody),
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  }
}

/** Pulls an image whole, as a client that has nothing of it. */
async function pull(rig: MirrorRig, repository: Repository, pulled = image, tag = 'latest') {
  await rig.mirror.manifest(tagged(tag, repository), { signal: never })
  for (const manifest of pulled.manifests.keys()) {
    await rig.mirror.manifest(byDigest(manifest, repository), { signal: never })
  }
  await rig.mirror.settled()
  for (const layer of pulled.blobs.keys()) {
    const content = await rig.mirror.blob(repository, layer, { signal: never })
    await drained(content!.body)
  }
  await until('the fills have ended', () => rig.fills.list().length === 0)
}

function isLinked({ inventory }: MirrorRig, name: Repository, content = digest) {
  return inventory.isLinked(content, { registry, name })
}

/** What upstream is asked when a manifest and a blob are asked for by digest. */
async function askedFor(rig: Awaited<ReturnType<typeof prepare>>, repository: Repository) {
  rig.source.asked.length = 0
  await rig.mirror.resolve(byDigest(digest, repository), { signal: never })
  await rig.mirror.statBlob(repository, blob, { signal: never })
  return [...rig.source.asked]
}

describe.each([true, false])('an image that two repositories hold (public: %s)', (isPublic) => {
  it.each([
    ['by tag', latest],
    ['by digest', digest],
    ['with its repository', undefined],
  ])('is freed when it was purged from both, %s', async (_, target) => {
    await using rig = await prepare(isPublic)
    await pull(rig, demo)
    await pull(rig, other)
    expect(await rig.purge(demo, target)).toEqual({ ...unlinked, tags: 1 })
    expect(await rig.purge(other, target)).toMatchObject({
      tags: 1,
      images: 1,
      contents,
      unlinked: 0,
    })
    expect(await rig.inventory.totals()).toMatchObject({ entries: 0, bytes: 0 })
    for (const content of [digest, ...image.blobs.keys()]) {
      expect(await rig.store.stat(content)).toBeUndefined()
    }
  })

  it('is served to the other as before', async () => {
    await using rig = await prepare(isPublic)
    await pull(rig, demo)
    await pull(rig, other)
    await rig.purge(demo, latest)
    expect(await askedFor(rig, other)).toEqual([])
    await pull(rig, other)
    expect(rig.source.asked).toEqual([])
    for (const content of [digest, ...image.blobs.keys()]) {
      expect(await isLinked(rig, demo, content)).toBe(false)
      expect(await rig.mirror.holds(other, content)).toBe(true)
    }
  })

  it('is told as evicted from each in its turn', async () => {
    await using rig = await prepare(isPublic)
    await pull(rig, demo)
    await pull(rig, other)
    const recorder = new FeedRecorder()
    using _listening = rig.events.feed.listen(recorder)
    await rig.purge(demo, latest)
    expect(recorder.told).toEqual([`evict ${registry}/${demo} latest ${digest}`])
    await rig.purge(other, latest)
    expect(recorder.told.slice(1)).toEqual([`evict ${registry}/${other} latest ${digest}`])
  })
})

describe('what was purged', () => {
  it('is asked for upstream by digest, though another repository holds it', async () => {
    await using rig = await prepare(false)
    await pull(rig, demo)
    await pull(rig, other)
    expect(await askedFor(rig, demo)).toEqual([])
    await rig.purge(demo, latest)
    expect(await askedFor(rig, demo)).toEqual([
      `resolve ${demo}@${digest}`,
      `statBlob ${demo}@${blob}`,
    ])
  })

  it('stays where another tag of its repository stands for it, and goes with the last', async () => {
    await using rig = await prepare(false)
    rig.source.add(demo, 'stable', image)
    await pull(rig, demo)
    await pull(rig, demo, image, 'stable')
    await pull(rig, other)
    expect(await rig.purge(demo, latest)).toEqual(tagAlone)
    expect(await askedFor(rig, demo)).toEqual([])
    expect(await rig.purge(demo, tagged('stable').tag)).toEqual({ ...unlinked, tags: 1 })
    expect(await isLinked(rig, demo)).toBe(false)
    expect(await isLinked(rig, other)).toBe(true)
  })

  it('leaves to its repository what was pulled of it again', async () => {
    await using rig = await prepare(false)
    await pull(rig, demo)
    await pull(rig, other)
    await rig.purge(demo, latest)
    await pull(rig, demo)
    expect(await rig.purge(other, latest)).toEqual({ ...unlinked, tags: 1 })
    expect(await askedFor(rig, demo)).toEqual([])
  })

  it('stays linked while it is changed, without its tag', async () => {
    await using rig = await prepare(false)
    await pull(rig, demo)
    await pull(rig, other)
    using change = await rig.leases.change(digest, never)
    expect(await rig.purge(demo, latest)).toEqual(tagAlone)
    expect(await isLinked(rig, demo)).toBe(true)
    change[Symbol.dispose]()
    expect(await rig.purge(demo)).toEqual(unlinked)
    expect(await isLinked(rig, demo)).toBe(false)
  })

  it('with its repository takes blobs along that no manifest names', async () => {
    await using rig = await prepare(false)
    const lone = Buffer.from('lone')
    for (const name of [demo, other]) {
      rig.source.addBlob(name, digestOf(lone), lone)
      const content = await rig.mirror.blob(name, digestOf(lone), { signal: never })
      await drained(content!.body)
      await until('it is linked', () => isLinked(rig, name, digestOf(lone)))
    }
    expect(await rig.purge(demo)).toEqual({ ...nothing, unlinked: 1 })
    expect(await isLinked(rig, demo, digestOf(lone))).toBe(false)
    expect(await rig.purge(other)).toMatchObject({ contents: 1, bytes: lone.length })
  })
})

describe('of two indexes of a repository that name the same image', () => {
  it('what one of them needs stays linked until both are purged', async () => {
    const first = buildIndex({ amd64: image, arm64: await buildImage({ seed: 'first' }) })
    const second = buildIndex({ amd64: image, arm64: await buildImage({ seed: 'second' }) })
    await using rig = await prepare(false)
    for (const name of [demo, other]) {
      rig.source.add(name, 'first', first)
      rig.source.add(name, 'second', second)
      await pull(rig, name, first, 'first')
      await pull(rig, name, second, 'second')
    }
    const shared = [digest, ...image.blobs.keys()]
    await rig.purge(demo, tagged('first').tag)
    expect(await isLinked(rig, demo, first.root.digest)).toBe(false)
    for (const content of shared) expect(await isLinked(rig, demo, content)).toBe(true)
    await rig.purge(demo, tagged('second').tag)
    for (const content of shared) expect(await isLinked(rig, demo, content)).toBe(false)
    for (const content of shared) expect(await isLinked(rig, other, content)).toBe(true)
  })
})
