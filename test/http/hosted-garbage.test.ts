import { describe, expect, test } from 'vitest'
import type { GarbageFinding, GarbageSummary } from '../../src/hosted/garbage-finding.ts'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import type { Repository } from '../../src/oci/reference.ts'
import { buildArtifact } from '../support/artifacts.ts'
import { contentOf } from '../support/contents.ts'
import { bytesOf, buildImage, buildIndex, type TestImage } from '../support/images.ts'
import { APP, pushBlob, pushBlobs, pushImage, pushManifest, remove } from './hosted-push.ts'
import { HOUR_MS, startHosted, type HostedRig } from './hosted-rig.ts'

const OTHER = '/v2/private/other'
const NOTHING = { tags: 0, manifests: 0, blobs: 0, freedContents: 0, freedBytes: 0 }
const bytes = bytesOf('layer', 50_000)
const digest = digestOf(bytes)

const nothing = async () => {}

const collect = (rig: HostedRig): Promise<GarbageSummary> =>
  rig.garbage.run(new AbortController().signal, () => {})

const head = async (rig: HostedRig, path: string, repository = APP) =>
  (await rig.ask(`${repository}/${path}`, { method: 'HEAD' })).status

/** Those of the contents whose bytes are in the store. */
async function storedOf(rig: HostedRig, image: TestImage): Promise<Digest[]> {
  const stored: Digest[] = []
  for (const one of [...image.blobs.keys(), ...image.manifests.keys()]) {
    if (await rig.store.stat(one)) stored.push(one)
  }
  return stored
}

/** The work is done once, when a first page of what a repository has is there. */
function startWalked(work: () => Promise<void>): Promise<HostedRig> {
  const left = [work]
  return startHosted({
    steps: {
      linked: async (run) => {
        const page = await run()
        await left.pop()?.()
        return page
      },
    },
  })
}

const sizeOf = (image: TestImage) =>
  [...image.blobs.values(), ...Array.from(image.manifests.values(), (one) => one.bytes)].reduce(
    (sum, { length }) => sum + length,
    0,
  )

describe('a manifest that was deleted', () => {
  test('frees all that nothing else needs, byte for byte', async () => {
    await using rig = await startHosted()
    const gone = await buildImage({ seed: 'gone', base: 'base' })
    const kept = await buildImage({ seed: 'kept', base: 'base' })
    await pushImage(rig, gone, '1')
    await pushImage(rig, kept, '2')
    const before = await rig.inventory.totals()
    await remove(rig, gone.root.digest)
    rig.clock.advance(HOUR_MS + 1)
    const shared = [...gone.blobs].filter(([one]) => kept.blobs.has(one))
    expect(shared).toHaveLength(1)
    const freedBytes = sizeOf(gone) - shared[0]![1].length
    expect(await collect(rig)).toEqual({ ...NOTHING, blobs: 2, freedContents: 3, freedBytes })
    expect(await storedOf(rig, gone)).toEqual([shared[0]![0]])
    expect(await storedOf(rig, kept)).toHaveLength(4)
    expect((await rig.inventory.totals()).bytes).toBe(before.bytes - freedBytes)
    expect(await collect(rig)).toEqual(NOTHING)
  })

  test('leaves what another repository has, hosted or mirrored', async () => {
    await using rig = await startHosted()
    const image = await buildImage({ seed: 'image' })
    await pushImage(rig, image, '1')
    await pushImage(rig, image, '1', OTHER)
    const [layer] = image.blobs.keys()
    const mirrored = { registry: 'docker.io', name: 'library/demo' as Repository }
    await rig.inventory.link(layer!, mirrored, 0)
    rig.clock.advance(HOUR_MS + 1)
    await remove(rig, image.root.digest)
    expect(await collect(rig)).toEqual({ ...NOTHING, blobs: 3 })
    expect(await storedOf(rig, image)).toHaveLength(4)
    await remove(rig, image.root.digest, OTHER)
    expect(await collect(rig)).toMatchObject({ blobs: 3, freedContents: 3 })
    expect(await storedOf(rig, image)).toEqual([layer])
  })

  test('leaves what is being read until it was read', async () => {
    await using rig = await startHosted()
    const image = await buildImage({ seed: 'image' })
    await pushImage(rig, image, '1')
    await remove(rig, image.root.digest)
    rig.clock.advance(HOUR_MS + 1)
    const [layer] = image.blobs.keys()
    const lease = rig.leases.read(layer!)
    await collect(rig)
    expect(await storedOf(rig, image)).toEqual([layer])
    lease[Symbol.dispose]()
    expect(await collect(rig)).toMatchObject({ blobs: 0, freedContents: 1 })
    expect(await storedOf(rig, image)).toEqual([])
  })

  test('is freed by a later run where one was stopped', async () => {
    await using rig = await startHosted()
    const image = await buildImage({ seed: 'image' })
    await pushImage(rig, image, '1')
    await remove(rig, image.root.digest)
    rig.clock.advance(HOUR_MS + 1)
    const abort = new AbortController()
    const stopped = rig.garbage.run(abort.signal, () => abort.abort(new Error('stop')))
    await expect(stopped).rejects.toThrow('stop')
    expect(await storedOf(rig, image)).toHaveLength(4)
    expect(await collect(rig)).toMatchObject({ freedContents: 4 })
  })
})

describe('a blob that no manifest names', () => {
  test('loses its link for good before its bytes: a power cut brings back neither alone', async () => {
    const steps: string[] = []
    const noted = (step: string) => async (run: () => Promise<unknown>) => {
      const result = await run()
      steps.push(step)
      return result
    }
    await using rig = await startHosted({
      steps: { unlink: noted('unlink'), sync: noted('sync'), evict: noted('evict') },
      storeSteps: { delete: noted('delete') },
    })
    await pushBlob(rig, bytes)
    rig.clock.advance(HOUR_MS + 1)
    steps.length = 0
    await collect(rig)
    expect(steps).toEqual(['unlink', 'sync', 'evict', 'delete'])
  })

  test('stays for an hour after it was pushed', async () => {
    await using rig = await startHosted()
    await pushBlob(rig, bytes)
    rig.clock.advance(HOUR_MS)
    expect(await collect(rig)).toEqual(NOTHING)
    rig.clock.advance(1)
    const freedBytes = bytes.length
    expect(await collect(rig)).toEqual({ ...NOTHING, blobs: 1, freedContents: 1, freedBytes })
    expect(await head(rig, `blobs/${digest}`)).toBe(404)
  })

  test.each([
    ['was pushed again', (rig: HostedRig) => pushBlob(rig, bytes)],
    [
      'was asked for with HEAD',
      (rig: HostedRig) => rig.ask(`${APP}/blobs/${digest}`, { method: 'HEAD' }),
    ],
    [
      'was mounted',
      (rig: HostedRig) =>
        rig.ask(`${APP}/blobs/uploads/?mount=${digest}&from=private/other`, { method: 'POST' }),
    ],
  ])('stays for an hour after it %s', async (_, ask) => {
    await using rig = await startHosted()
    await pushBlob(rig, bytes)
    await pushBlob(rig, bytes, OTHER)
    rig.clock.advance(HOUR_MS)
    expect((await ask(rig)).status).toBeLessThan(300)
    rig.clock.advance(HOUR_MS)
    await collect(rig)
    expect(await head(rig, `blobs/${digest}`)).toBe(200)
    rig.clock.advance(HOUR_MS + 1)
    await collect(rig)
    expect(await head(rig, `blobs/${digest}`)).toBe(404)
    expect(await rig.store.stat(digest)).toBeUndefined()
  })

  test('stays where it is asked for at the moment when it was to go', async () => {
    let onUnlink = nothing
    await using rig = await startHosted({
      steps: {
        unlink: async (run) => {
          await onUnlink()
          return run()
        },
      },
    })
    await pushBlob(rig, bytes)
    rig.clock.advance(HOUR_MS + 1)
    onUnlink = async () => expect(await head(rig, `blobs/${digest}`)).toBe(200)
    expect(await collect(rig)).toEqual(NOTHING)
    expect(await head(rig, `blobs/${digest}`)).toBe(200)
  })

  test('that was taken is not there for who asks before it is freed, and can be pushed again', async () => {
    let onFree = nothing
    await using rig = await startHosted({
      steps: {
        evict: async (run) => {
          await onFree()
          return run()
        },
      },
    })
    await pushBlob(rig, bytes)
    rig.clock.advance(HOUR_MS + 1)
    onFree = async () => {
      expect(await head(rig, `blobs/${digest}`)).toBe(404)
      const mount = `${APP}/blobs/uploads/?mount=${digest}&from=private/team/app`
      expect((await rig.ask(mount, { method: 'POST' })).status).toBe(202)
      expect((await pushBlob(rig, bytes)).status).toBe(201)
    }
    expect(await collect(rig)).toEqual({ ...NOTHING, blobs: 1 })
    expect((await rig.ask(`${APP}/blobs/${digest}`)).body).toEqual(bytes)
  })
})

describe('a manifest that no tag stands for', () => {
  test('stays, unless the configuration says otherwise', async () => {
    await using rig = await startHosted()
    const image = await buildImage({ seed: 'image' })
    await pushImage(rig, image, '1')
    await remove(rig, '1')
    rig.clock.advance(2 * HOUR_MS)
    expect(await collect(rig)).toEqual(NOTHING)
    expect(await head(rig, `manifests/${image.root.digest}`)).toBe(200)
  })

  test('goes with all that only it needed, an hour after it was pushed or asked for', async () => {
    await using rig = await startHosted({ untagged: 'delete' })
    const image = await buildImage({ seed: 'image' })
    await pushImage(rig, image, '1')
    await remove(rig, '1')
    rig.clock.advance(HOUR_MS)
    expect(await collect(rig)).toEqual(NOTHING)
    expect(await head(rig, `manifests/${image.root.digest}`)).toBe(200)
    rig.clock.advance(HOUR_MS)
    expect(await collect(rig)).toEqual(NOTHING)
    rig.clock.advance(1)
    expect(await collect(rig)).toMatchObject({ manifests: 1, blobs: 3, freedContents: 4 })
    expect(await storedOf(rig, image)).toEqual([])
  })

  test('stays while a tagged index names it, and what refers to it stays as well', async () => {
    await using rig = await startHosted({ untagged: 'delete' })
    const one = await buildImage({ seed: 'one' })
    const index = buildIndex({ amd64: one, arm64: await buildImage({ seed: 'two' }) })
    const signature = buildArtifact({ subject: one.root })
    const listed = buildArtifact({ seed: 'of the signature', subject: signature.root })
    await pushImage(rig, index, '1')
    for (const about of [signature, listed]) await pushImage(rig, about, about.root.digest)
    rig.clock.advance(HOUR_MS + 1)
    expect(await collect(rig)).toEqual(NOTHING)
    await remove(rig, '1')
    expect(await collect(rig)).toMatchObject({ manifests: 5 })
    for (const image of [index, signature, listed]) expect(await storedOf(rig, image)).toEqual([])
  })

  test('stays with all that it needs where it is asked for while it was to go', async () => {
    let asks = 0
    await using rig = await startHosted({
      untagged: 'delete',
      steps: {
        unlink: async (run) => {
          if (asks++ === 0) expect(await head(rig, `manifests/${index.root.digest}`)).toBe(200)
          return run()
        },
      },
    })
    const one = await buildImage({ seed: 'one' })
    const index = buildIndex({ amd64: one, arm64: await buildImage({ seed: 'two' }) })
    await pushImage(rig, index, index.root.digest)
    rig.clock.advance(HOUR_MS + 1)
    expect(await collect(rig)).toEqual(NOTHING)
    expect(await storedOf(rig, index)).toHaveLength(index.blobs.size + index.manifests.size)
  })
})

describe('a push', () => {
  test('finds all that it was told of within the last hour, while that is looked through', async () => {
    const image = await buildImage({ seed: 'image' })
    const pushes: Promise<unknown>[] = []
    await using rig = await startWalked(async () => {
      const pushing = pushManifest(rig, image, image.root.digest, '1')
      pushes.push(pushing.then(({ status }) => expect(status).toBe(201)))
    })
    await pushBlobs(rig, image)
    rig.clock.advance(HOUR_MS)
    for (const blob of image.blobs.keys()) expect(await head(rig, `blobs/${blob}`)).toBe(200)
    rig.clock.advance(HOUR_MS)
    await collect(rig)
    expect(pushes).toHaveLength(1)
    await Promise.all(pushes)
    expect(await storedOf(rig, image)).toHaveLength(4)
  })

  test('waits while its repository is looked through, and is told what was taken', async () => {
    const image = await buildImage({ seed: 'image' })
    let pushing: ReturnType<typeof pushManifest> | undefined
    // The manifests are listed, of which there is none yet.
    await using rig = await startWalked(async () => {
      pushing = pushManifest(rig, image, image.root.digest, '1')
      // What comes later is answered meanwhile, many times.
      for (let turn = 0; turn < 20; turn++) await rig.ask('/healthz')
    })
    await pushBlobs(rig, image)
    rig.clock.advance(HOUR_MS + 1)
    expect(await collect(rig)).toMatchObject({ blobs: image.blobs.size })
    const { status, body } = (await pushing)!
    expect([status, body.toString()]).toEqual([
      404,
      expect.stringContaining('MANIFEST_BLOB_UNKNOWN') as string,
    ])
  })
})

describe('pushes', () => {
  test('of the same image, again and again, are whole whatever is collected meanwhile', async () => {
    await using rig = await startHosted({ untagged: 'delete' })
    const image = await buildImage({ seed: 'image', layers: 1, layerBytes: 1_000 })
    for (let round = 0; round < 10; round++) {
      const pushed = new AbortController()
      const collecting = (async () => {
        while (!pushed.signal.aborted) await collect(rig)
      })()
      const tags = ['1', '2', '3']
      await Promise.all(tags.map((tag) => pushMissing(rig, image, tag)))
      pushed.abort()
      await collecting
      for (const tag of tags) {
        expect((await rig.ask(`${APP}/manifests/${tag}`)).status).toBe(200)
      }
      for (const [one, blob] of image.blobs) {
        expect((await rig.ask(`${APP}/blobs/${one}`)).body).toEqual(blob)
      }
      // From here on all of it is garbage, and the next push finds it there.
      if (round % 2 === 0) await remove(rig, image.root.digest)
      else for (const tag of tags) await remove(rig, tag)
      rig.clock.advance(HOUR_MS + 1)
    }
    // Whoever came first in each round: alone, a collection takes all of it.
    const contents = image.manifests.size + image.blobs.size
    expect(await collect(rig)).toMatchObject({ freedContents: contents })
  })
})

/** As clients do: what is there is not pushed. */
async function pushMissing(rig: HostedRig, image: TestImage, tag: string): Promise<void> {
  for (const [one, blob] of image.blobs) {
    if ((await head(rig, `blobs/${one}`)) === 200) continue
    expect((await pushBlob(rig, blob)).status).toBe(201)
  }
  expect((await pushManifest(rig, image, image.root.digest, tag)).status).toBe(201)
}

describe('a dry run', () => {
  test('tells what would go and why, and leaves it', async () => {
    await using rig = await startHosted({ untagged: 'delete' })
    const image = await buildImage({ seed: 'image' })
    await pushImage(rig, image, image.root.digest)
    await pushBlob(rig, bytes)
    await pushBlob(rig, bytes, OTHER)
    const content = { ...contentOf('base'), digest, sizeBytes: bytes.length }
    await rig.inventory.record(content, [], { registry: 'docker.io', name: 'base' as Repository })
    rig.clock.advance(HOUR_MS + 1)
    const findings: GarbageFinding[] = []
    const listener = {
      progress: () => {},
      item: async (finding: GarbageFinding) => void findings.push(finding),
      signal: new AbortController().signal,
    }
    const summary = await rig.garbage.preview(listener)
    expect(summary).toMatchObject({ manifests: 1, blobs: 5, freedBytes: sizeOf(image) })
    expect(findings).toHaveLength(6)
    const repository = { registry: 'private', name: 'team/app' }
    expect(findings).toContainEqual({
      kind: 'manifest',
      repository,
      tag: undefined,
      digest: image.root.digest,
      bytes: image.root.sizeBytes,
      reason: 'untagged, and nothing needs it',
    })
    expect(findings).toContainEqual({
      kind: 'blob',
      repository,
      tag: undefined,
      digest,
      bytes: bytes.length,
      reason: 'no manifest names it',
    })
    expect(await storedOf(rig, image)).toHaveLength(4)
    expect(await collect(rig)).toEqual(summary)
  })
})
