import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Digest } from '../../src/oci/digest.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import { blobOf, spoolOf, statsOf } from '../support/blobs.ts'
import { damages } from '../support/damage.ts'
import { Gate } from '../support/gate.ts'
import { bytesOf } from '../support/images.ts'
import { upstreamError } from '../support/scripted-source.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { isPending } from '../support/turns.ts'
import { byDigest, demo, never, pullBlobs } from './mirror-rig.ts'
import { contentsOf, holding, image, index, NOTHING, stray, swept, sweepRig } from './sweep-rig.ts'

const [layer = image.root.digest] = image.blobs.keys()

describe('what others are just changing', () => {
  it('is not taken for a stray while it is put', async () => {
    await using rig = await sweepRig()
    const recorded = new Gate()
    rig.inventorySteps.record = async (record) => {
      await recorded.pass()
      return record()
    }
    const pulling = pullBlobs(rig, image)
    await recorded.reached
    const sweeping = rig.sweep.run(never, () => {})
    expect(await isPending(sweeping)).toBe(true)
    recorded.open()
    await pulling
    expect(await sweeping).toEqual(NOTHING)
    for (const digest of image.blobs.keys()) {
      expect(await rig.inventory.repositoriesOf(digest)).toHaveLength(1)
    }
  })

  it('is not adopted while it is evicted', async () => {
    await using rig = await holding()
    const deleted = new Gate()
    rig.storeSteps.delete = async (remove) => {
      await deleted.pass()
      return remove()
    }
    const evicting = rig.holdings.evict(index.root.digest, () => true)
    await deleted.reached
    const sweeping = rig.sweep.run(never, () => {})
    expect(await isPending(sweeping)).toBe(true)
    deleted.open()
    expect(await evicting).toHaveLength(contentsOf(index).length)
    expect(await sweeping).toEqual(NOTHING)
    expect(await statsOf(rig.files.store)).toEqual([])
    expect(await rig.inventory.totals()).toMatchObject({ entries: 0 })
  })

  it('is not taken for lost when it was evicted after it was listed', async () => {
    await using rig = await holding()
    rig.inventorySteps.contents = async (page) => {
      const contents = await page()
      await rig.holdings.evict(index.root.digest, () => true)
      return contents
    }
    expect(await swept(rig)).toEqual(NOTHING)
    expect(rig.logged('content lost')).toEqual([])
  })

  it('is not taken for a stray when it came after it was listed', async () => {
    await using rig = await sweepRig()
    rig.inventorySteps.contents = async (page) => {
      const contents = await page()
      await pullBlobs(rig, image)
      return contents
    }
    expect(await swept(rig)).toEqual(NOTHING)
  })

  it('is served while a stray is looked at', async () => {
    await using rig = await sweepRig()
    for (const bytes of image.blobs.values()) await stray(rig, bytes)
    const opened = new Gate()
    rig.storeSteps.open = async (open) => {
      const reader = await open()
      delete rig.storeSteps.open
      await opened.pass()
      return reader
    }
    const sweeping = rig.sweep.run(never, () => {})
    await opened.reached
    await pullBlobs(rig, image)
    opened.open()
    expect(await sweeping).toEqual(NOTHING)
    const [digest] = image.blobs.keys()
    expect(await rig.inventory.repositoriesOf(digest!)).toHaveLength(1)
  })
})

describe('an inventory that was lost', () => {
  it('is rebuilt: what upstream confirms is served without being fetched', async () => {
    await using data = await temporaryFolder()
    await (await holding(data.path))[Symbol.asyncDispose]()
    for (const name of await readdir(data.path)) {
      if (name.startsWith('inventory.db')) await rm(join(data.path, name))
    }
    await using rig = await sweepRig(data.path)
    expect(await swept(rig)).toEqual({ ...NOTHING, adopt: contentsOf(index).length })
    for (const [digest, { bytes }] of index.manifests) {
      const manifest = await rig.mirror.manifest(byDigest(digest), { signal: never })
      expect(manifest).toMatchObject({ outcome: 'hit' })
      expect(bytes.equals(manifest!.bytes)).toBe(true)
    }
    await pullBlobs(rig, image)
    expect(rig.source.asked.toSorted()).toEqual(
      [
        ...Array.from(index.manifests.keys(), (digest) => `resolve ${demo}@${digest}`),
        ...Array.from(index.blobs.keys(), (digest) => `statBlob ${demo}@${digest}`),
      ].sort(),
    )
    rig.source.before = () => Promise.reject(upstreamError('unreachable'))
    await pullBlobs(rig, image)
  })

  it('does not let anyone have what upstream does not confirm', async () => {
    await using rig = await sweepRig()
    for (const bytes of image.blobs.values()) await stray(rig, bytes)
    await swept(rig)
    const other = parseRepository('library/other')!
    expect(await rig.mirror.blob(other, layer, { signal: never })).toBeUndefined()
    expect(await rig.mirror.statBlob(other, layer, { signal: never })).toBeUndefined()
  })
})

describe('whatever state a crash has left', () => {
  const contents = Array.from({ length: 6 }, (_, nth) => bytesOf(`content ${nth}`, 10 + nth))

  it('store and inventory match afterwards, and nothing right is lost', async () => {
    const side = fc.record({
      bytes: fc.constantFrom('right', 'cut', 'wrong', 'absent'),
      isRecorded: fc.boolean(),
    })
    const sides = fc.array(side, { minLength: contents.length, maxLength: contents.length })
    await fc.assert(
      fc.asyncProperty(sides, async (states) => {
        await using rig = await sweepRig()
        const { store, spools } = rig.files
        const right = new Set<Digest>()
        for (const [nth, { bytes, isRecorded }] of states.entries()) {
          const content = contents[nth]!
          const { digest } = blobOf(content)
          if (isRecorded) {
            const times = { storedAtMs: 0, usedAtMs: 0 }
            const repository = { registry: 'docker.io', name: demo }
            await rig.inventory.record(
              { ...blobOf(content), ...times, kind: 'blob' },
              [],
              repository,
            )
          }
          if (bytes === 'absent') continue
          await using spool = await spoolOf(spools, content)
          await store.put(blobOf(content), spool, never)
          if (bytes === 'cut') await damages.cut(rig.folder, digest)
          // Wrong bytes of content on record are what scrub finds.
          if (bytes === 'wrong' && !isRecorded) await damages.flip(rig.folder, digest)
          if (bytes === 'right' || (bytes === 'wrong' && isRecorded)) right.add(digest)
        }
        await swept(rig)
        const held = await rig.inventory.contents(undefined, 100)
        const stats = await statsOf(store)
        expect(held.map(({ digest, sizeBytes }) => ({ digest, sizeBytes }))).toEqual(stats)
        expect(new Set(stats.map(({ digest }) => digest))).toEqual(right)
        expect(await swept(rig)).toEqual(NOTHING)
      }),
      { numRuns: 25 },
    )
  })
})
