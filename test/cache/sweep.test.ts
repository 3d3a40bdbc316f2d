import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { SweepFinding } from '../../src/cache/operations.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { blobOf, putBytes, statsOf } from '../support/blobs.ts'
import { caught } from '../support/caught.ts'
import { blobPath, damages } from '../support/damage.ts'
import { Gate } from '../support/gate.ts'
import { buildImage, bytesOf } from '../support/images.ts'
import { until } from '../support/turns.ts'
import { byDigest, demo, never, pullBlobs, tagged } from './mirror-rig.ts'
import {
  contentsOf,
  holding,
  image,
  index,
  NOTHING,
  stray,
  swept,
  sweepRig,
  type SweepRig,
} from './sweep-rig.ts'

const DAY_MS = 86_400_000

const docker = await buildImage({ format: 'docker', seed: 'docker' })
const [layer = image.root.digest] = image.blobs.keys()

async function previewed({ sweep }: SweepRig): Promise<SweepFinding[]> {
  const findings: SweepFinding[] = []
  const item = (finding: SweepFinding) => Promise.resolve(void findings.push(finding))
  const summary = await sweep.preview({ signal: never, progress: () => {}, item })
  const actions = findings.map(({ action }) => action)
  for (const [action, count] of Object.entries(summary)) {
    expect(actions.filter((one) => one === action)).toHaveLength(count)
  }
  return findings.sort(byName)
}

function byName(a: SweepFinding, b: SweepFinding): number {
  return a.name < b.name ? -1 : 1
}

describe('sweep', () => {
  it('forgets after a year what tags stood for that are no longer on record', async () => {
    await using rig = await holding()
    const name = { registry: 'docker.io', name: demo }
    const { tag } = tagged('latest')
    rig.clock.advance(366 * DAY_MS)
    await swept(rig)
    expect(await rig.inventory.history(name, tag)).toHaveLength(1)
    await rig.inventory.dropTag(name, tag)
    await swept(rig)
    expect(await rig.inventory.history(name, tag)).toEqual([])
  })

  it('changes nothing where store and inventory match', async () => {
    await using rig = await holding()
    expect(await swept(rig)).toEqual(NOTHING)
    expect(await previewed(rig)).toEqual([])
    expect((await rig.inventory.contents(undefined, 100)).map(({ digest }) => digest)).toEqual(
      contentsOf(index),
    )
    expect(rig.source.asked).toEqual([])
  })

  it('adopts bytes that are on no record and right', async () => {
    await using rig = await sweepRig()
    const bytes = bytesOf('orphan', 300_000)
    const digest = await stray(rig, bytes)
    expect(await swept(rig)).toEqual({ ...NOTHING, adopt: 1 })
    const nowMs = rig.clock.now()
    expect(await rig.inventory.held(digest)).toMatchObject({ ...blobOf(bytes), kind: 'blob' })
    expect(nowMs).toBeGreaterThanOrEqual((await rig.inventory.held(digest))!.storedAtMs)
    expect(await rig.inventory.repositoriesOf(digest)).toEqual([])
    expect(await swept(rig)).toEqual(NOTHING)
  })

  it.each(Object.entries({ index, docker }))(
    'knows manifests again, with what they name: %s',
    async (_, pulled) => {
      await using rig = await sweepRig()
      const { manifests, blobs } = pulled
      for (const { bytes } of manifests.values()) await stray(rig, bytes)
      for (const bytes of blobs.values()) await stray(rig, bytes)
      expect(await swept(rig)).toEqual({ ...NOTHING, adopt: manifests.size + blobs.size })
      for (const [digest, { mediaType, bytes }] of manifests) {
        const facts = { kind: 'manifest', mediaType, sizeBytes: bytes.length }
        expect(await rig.inventory.held(digest)).toMatchObject(facts)
      }
      for (const digest of blobs.keys()) {
        expect(await rig.inventory.held(digest)).toMatchObject({ kind: 'blob' })
      }
      const roots = await rig.inventory.roots({ usage: 'once', after: undefined, limit: 10 })
      expect(roots.map(({ digest }) => digest)).toEqual([pulled.root.digest])
    },
  )

  it('sets bytes aside that are on no record and wrong', async () => {
    await using rig = await sweepRig()
    const digest = await stray(rig, bytesOf('orphan', 300_000))
    await damages.flip(rig.folder, digest)
    expect(await swept(rig)).toEqual({ ...NOTHING, quarantine: 1 })
    expect(await rig.inventory.held(digest)).toBeUndefined()
    expect(await statsOf(rig.files.store)).toEqual([])
    expect(await Array.fromAsync(rig.files.store.quarantined())).toMatchObject([{ digest }])
  })

  it('forgets content without bytes, which is then pulled anew', async () => {
    await using rig = await holding()
    for (const digest of contentsOf(index)) await rm(blobPath(rig.folder, digest))
    expect(await swept(rig)).toEqual({ ...NOTHING, forget: contentsOf(index).length })
    expect(await rig.inventory.totals()).toMatchObject({ bytes: 0, entries: 0 })
    await rig.mirror.manifest(byDigest(image.root.digest), { signal: never })
    await pullBlobs(rig, image)
    expect(rig.source.asked.toSorted()).toEqual(
      [
        `manifest ${demo}@${image.root.digest}`,
        ...Array.from(image.blobs.keys(), (digest) => `blob ${demo}@${digest}`),
      ].sort(),
    )
  })

  it('sets content aside that has another size than is on record', async () => {
    await using rig = await holding()
    await damages.cut(rig.folder, layer)
    expect(await swept(rig)).toEqual({ ...NOTHING, quarantine: 1 })
    expect(await rig.inventory.held(layer)).toBeUndefined()
    await pullBlobs(rig, image)
    expect(await swept(rig)).toEqual(NOTHING)
  })

  it('gives up what was set aside when a week has passed', async () => {
    await using rig = await sweepRig()
    const { store } = rig.files
    const digests = [await stray(rig, bytesOf('old', 100)), await stray(rig, bytesOf('new', 100))]
    await store.quarantine(digests[0]!, rig.clock.now())
    rig.clock.advance(DAY_MS)
    await store.quarantine(digests[1]!, rig.clock.now())
    rig.clock.advance(6 * DAY_MS - 60_000)
    expect(await swept(rig)).toEqual(NOTHING)
    rig.clock.advance(60_000)
    expect(await previewed(rig)).toEqual([
      {
        action: 'remove',
        name: digests[0],
        bytes: 100,
        reason: 'set aside on 2026-01-01T00:00:00.000Z',
      },
    ])
    expect(await swept(rig)).toEqual({ ...NOTHING, remove: 1 })
    expect(await Array.fromAsync(store.quarantined())).toMatchObject([{ digest: digests[1] }])
  })

  it('removes spools that no fill writes', async () => {
    await using rig = await holding()
    const gate = new Gate()
    const other = bytesOf('other', 50_000)
    rig.source.addBlob(demo, digestOf(other), other)
    rig.source.script({ hold: { at: 10_000, gate } })
    const pulled = await rig.mirror.blob(demo, digestOf(other), { signal: never })
    await gate.reached
    const left = join(rig.folder, 'spool', 'sha256-0.left.spool')
    await writeFile(left, 'left')
    expect(await previewed(rig)).toEqual([
      {
        action: 'remove',
        name: 'sha256-0.left.spool',
        bytes: 4,
        reason: 'a spool without a fill',
      },
    ])
    expect(await swept(rig)).toEqual({ ...NOTHING, remove: 1 })
    gate.open()
    await pulled!.body[Symbol.asyncDispose]()
    await until('the fill is kept', () => rig.inventory.held(digestOf(other)))
    expect(await readdir(join(rig.folder, 'spool'))).toEqual([])
  })

  it('goes on where one place fails, and reports it', async () => {
    await using rig = await sweepRig()
    for (const text of ['a', 'b', 'c']) await stray(rig, bytesOf(text, 100))
    let calls = 0
    rig.storeSteps.open = (open) =>
      ++calls === 1 ? Promise.reject(new StoreError('io', 'no permission')) : open()
    expect(await swept(rig)).toEqual({ ...NOTHING, adopt: 2 })
    expect(rig.logged('store failed')).toHaveLength(1)
    expect(await swept(rig)).toEqual({ ...NOTHING, adopt: 1 })
  })

  it('ends when it is told to, also where there is nothing to do', async () => {
    await using rig = await holding()
    const stop = new AbortController()
    rig.inventorySteps.contents = (page) => {
      stop.abort(new Error('stopping'))
      return page()
    }
    expect(await caught(rig.sweep.run(stop.signal, () => {}))).toMatchObject({
      message: 'stopping',
    })
  })
})

describe('a preview', () => {
  it('tells what would be done and why, and does nothing', async () => {
    await using rig = await holding()
    const [right, wrong] = [
      await stray(rig, bytesOf('right', 100)),
      await stray(rig, bytesOf('wrong', 200)),
    ]
    await damages.flip(rig.folder, wrong)
    await damages.cut(rig.folder, layer)
    await rm(blobPath(rig.folder, index.root.digest))
    const layerBytes = image.blobs.get(layer)!.length
    const expected: SweepFinding[] = [
      { action: 'adopt', name: right, bytes: 100, reason: 'a blob on no record' },
      { action: 'quarantine', name: wrong, bytes: 200, reason: 'on no record, wrong-bytes' },
      {
        action: 'quarantine',
        name: layer,
        bytes: layerBytes,
        reason: `it has ${layerBytes >> 1} bytes`,
      },
      {
        action: 'forget',
        name: index.root.digest,
        bytes: index.root.sizeBytes,
        reason: 'its bytes are gone',
      },
    ]
    const before = await rig.inventory.contents(undefined, 100)
    expect(await previewed(rig)).toEqual(expected.sort(byName))
    expect(await rig.inventory.contents(undefined, 100)).toEqual(before)
    expect(await statsOf(rig.files.store)).toHaveLength(before.length + 1)
  })

  it('does not tell what has come right since it was listed', async () => {
    await using rig = await holding()
    await damages.cut(rig.folder, layer)
    rig.inventorySteps.held = async (ask) => {
      await putBytes(rig.files.store, rig.files.spools, image.blobs.get(layer)!)
      return ask()
    }
    expect(await previewed(rig)).toEqual([])
  })
})
