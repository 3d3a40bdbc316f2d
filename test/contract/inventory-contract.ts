import { describe, expect, it } from 'vitest'
import type { Digest } from '../../src/oci/digest.ts'
import type { Tag } from '../../src/oci/reference.ts'
import type { Content, Inventory } from '../../src/inventory/inventory.ts'
import {
  alpine,
  contentOf,
  descriptorOf,
  elsewhere,
  manifestOf,
  node,
  rootsOf,
} from '../support/contents.ts'

const layer = contentOf('layer')
const config = contentOf('config')
const manifest = manifestOf('manifest')
const latest = 'latest' as Tag
const signature = { ...descriptorOf(manifestOf('signature')), artifactType: 'application/x' }
const record = { descriptor: descriptorOf(manifest), checkedAtMs: 5_000 }

/** What every Inventory keeps; `make` gives an empty one. */
export function inventoryContract(name: string, make: () => Promise<Inventory>): void {
  describe(`${name} is an inventory`, () => {
    it('holds nothing at first', async () => {
      await using inventory = await make()
      expect(await inventory.held(layer.digest)).toBeUndefined()
      expect(await inventory.isLinked(layer.digest, alpine)).toBe(false)
      expect(await inventory.isLinkedWithin(layer.digest, 'docker.io')).toBe(false)
      expect(await inventory.repositoriesOf(layer.digest)).toEqual([])
      expect(await inventory.roots({ usage: 'once', after: undefined, limit: 9 })).toEqual([])
      expect(await inventory.images({ repository: undefined, after: undefined, limit: 9 })).toEqual(
        [],
      )
      expect(await inventory.heldBytes([layer.digest])).toBe(0)
      expect(await inventory.evict(layer.digest, () => true)).toEqual([])
      expect(await inventory.tag(alpine, latest)).toBeUndefined()
      expect(await inventory.tags(alpine)).toEqual([])
      expect(await inventory.referrers(manifest.digest, alpine)).toBeUndefined()
      expect(await inventory.totals()).toEqual({ bytes: 0, entries: 0, onceBytes: 0 })
      expect(await inventory.contents(undefined, 10)).toEqual([])
    })

    it('holds what was recorded and links it from that repository alone', async () => {
      await using inventory = await make()
      await inventory.record(layer, [], alpine)
      expect(await inventory.held(layer.digest)).toEqual(layer)
      expect(await inventory.isLinked(layer.digest, alpine)).toBe(true)
      expect(await inventory.isLinked(layer.digest, node)).toBe(false)
      expect(await inventory.isLinked(layer.digest, elsewhere)).toBe(false)
      expect(await inventory.isLinkedWithin(layer.digest, 'docker.io')).toBe(true)
      expect(await inventory.isLinkedWithin(layer.digest, 'ghcr.io')).toBe(false)
    })

    it('counts content once, however many repositories link it', async () => {
      await using inventory = await make()
      await inventory.record(layer, [], alpine)
      await inventory.record(layer, [], alpine)
      await inventory.record({ ...layer, storedAtMs: 9_000, usedAtMs: 9_000 }, [], node)
      expect(await inventory.held(layer.digest)).toEqual({ ...layer, usedAtMs: 9_000 })
      expect(await inventory.isLinked(layer.digest, node)).toBe(true)
      expect(await inventory.totals()).toMatchObject({ bytes: layer.sizeBytes, entries: 1 })
    })

    it('lets a blob that proves to be a manifest become one, and never the other way', async () => {
      await using inventory = await make()
      const asBlob: Content = { ...contentOf('manifest'), usedAtMs: 7_000 }
      await inventory.record(asBlob, [], alpine)
      await inventory.record(manifest, [descriptorOf(layer)], alpine)
      const both: Content = { ...manifest, usedAtMs: 7_000 }
      expect(await inventory.held(manifest.digest)).toEqual(both)
      await inventory.record(layer, [], alpine)
      expect(await rootsOf(inventory, 'once')).toEqual([manifest.digest])
      await inventory.record(asBlob, [], alpine)
      expect(await inventory.held(manifest.digest)).toEqual(both)
      expect((await inventory.totals()).entries).toBe(2)
    })

    it('links only what is held', async () => {
      await using inventory = await make()
      expect(await inventory.link(layer.digest, node, 0)).toBe(false)
      expect(await inventory.isLinked(layer.digest, node)).toBe(false)
      await inventory.record(layer, [], alpine)
      expect(await inventory.link(layer.digest, node, 0)).toBe(true)
      expect(await inventory.link(layer.digest, node, 0)).toBe(true)
      expect(await inventory.isLinked(layer.digest, node)).toBe(true)
    })

    it('forgets content with its links, and keeps tags', async () => {
      await using inventory = await make()
      await inventory.record(manifest, [descriptorOf(layer)], alpine)
      await inventory.record(layer, [], alpine)
      await inventory.putTag(alpine, latest, record)
      await inventory.forget(manifest.digest)
      await inventory.forget(manifest.digest)
      expect(await inventory.held(manifest.digest)).toBeUndefined()
      expect(await inventory.isLinked(manifest.digest, alpine)).toBe(false)
      expect(await inventory.isLinkedWithin(manifest.digest, 'docker.io')).toBe(false)
      expect(await inventory.tag(alpine, latest)).toEqual(record)
      expect(await inventory.totals()).toMatchObject({ bytes: layer.sizeBytes, entries: 1 })
    })

    it('does not bring old links back when forgotten content returns', async () => {
      await using inventory = await make()
      await inventory.record(layer, [], alpine)
      await inventory.forget(layer.digest)
      await inventory.record(layer, [], node)
      expect(await inventory.isLinked(layer.digest, alpine)).toBe(false)
      expect(await inventory.isLinked(layer.digest, node)).toBe(true)
    })

    it('keeps the last record of a tag, each repository its own', async () => {
      await using inventory = await make()
      await inventory.putTag(alpine, latest, { ...record, descriptor: descriptorOf(config) })
      await inventory.putTag(alpine, latest, record)
      expect(await inventory.tag(alpine, latest)).toEqual(record)
      expect(await inventory.tag(node, latest)).toBeUndefined()
      expect(await inventory.tag(elsewhere, latest)).toBeUndefined()
      await inventory.dropTag(node, latest)
      expect(await inventory.tags(alpine)).toEqual([latest])
      await inventory.dropTag(alpine, latest)
      await inventory.dropTag(alpine, latest)
      expect(await inventory.tags(alpine)).toEqual([])
    })

    it('gives tags in the order of their bytes', async () => {
      await using inventory = await make()
      const inOrder = ['1.10', '1.9', 'B', '_', 'a', 'a-1', 'a.1', 'aa', 'b'] as Tag[]
      for (const tag of inOrder.toReversed()) await inventory.putTag(alpine, tag, record)
      expect(await inventory.tags(alpine)).toEqual(inOrder)
    })

    it('keeps the last list of referrers of what is held, each repository its own', async () => {
      await using inventory = await make()
      const { digest } = manifest
      const list = { referrers: [], checkedAtMs: 1_000 }
      expect(await inventory.putReferrers(digest, alpine, list)).toBe(false)
      expect(await inventory.referrers(digest, alpine)).toBeUndefined()
      await inventory.record(manifest, [], alpine)
      const longer = { referrers: [{ ...signature, annotations: { by: 'é' } }], checkedAtMs: 2_000 }
      expect(await inventory.putReferrers(digest, alpine, list)).toBe(true)
      expect(await inventory.putReferrers(digest, alpine, longer)).toBe(true)
      expect(await inventory.putReferrers(digest, elsewhere, list)).toBe(true)
      expect(await inventory.referrers(digest, alpine)).toEqual(longer)
      expect(await inventory.referrers(digest, elsewhere)).toEqual(list)
      expect(await inventory.referrers(digest, node)).toBeUndefined()
    })

    it('loses lists of referrers with the content, and does not bring them back', async () => {
      await using inventory = await make()
      const { digest } = manifest
      const list = { referrers: [signature], checkedAtMs: 1_000 }
      for (const lose of [
        () => inventory.forget(digest),
        () => inventory.evict(digest, () => true),
      ]) {
        await inventory.record(manifest, [], alpine)
        await inventory.putReferrers(digest, alpine, list)
        await lose()
        expect(await inventory.referrers(digest, alpine)).toBeUndefined()
        await inventory.record(manifest, [], alpine)
        expect(await inventory.referrers(digest, alpine)).toBeUndefined()
      }
    })

    it('adopts what was found, without a link or a use', async () => {
      await using inventory = await make()
      await inventory.adopt(layer, [])
      expect(await inventory.held(layer.digest)).toEqual(layer)
      expect(await inventory.isLinkedWithin(layer.digest, 'docker.io')).toBe(false)
      await inventory.record({ ...layer, usedAtMs: 7_000 }, [], alpine)
      await inventory.adopt({ ...layer, usedAtMs: 8_000 }, [])
      expect(await inventory.held(layer.digest)).toEqual({ ...layer, usedAtMs: 7_000 })
      expect(await inventory.isLinked(layer.digest, alpine)).toBe(true)
      expect((await inventory.totals()).entries).toBe(1)
    })

    it('keeps pins, each once', async () => {
      await using inventory = await make()
      const [one, two] = ['docker.io/library/node:22*', 'docker.io/library/*'].map((pattern) => ({
        pattern,
        createdAtMs: 1_000,
      }))
      await inventory.addPin(one!)
      await inventory.addPin(two!)
      await inventory.addPin({ ...one!, createdAtMs: 2_000 })
      expect(await inventory.pins()).toEqual([two, one])
      expect(await inventory.dropPin(two!.pattern)).toBe(true)
      expect(await inventory.dropPin(two!.pattern)).toBe(false)
      expect(await inventory.pins()).toEqual([one])
    })

    it('keeps what each job wants to know again', async () => {
      await using inventory = await make()
      expect(await inventory.jobState('scrub')).toBeUndefined()
      await inventory.putJobState('scrub', { position: layer.digest })
      await inventory.putJobState('scrub', { position: config.digest, found: [1, null] })
      await inventory.putJobState('sweep', 3)
      expect(await inventory.jobState('scrub')).toEqual({
        position: config.digest,
        found: [1, null],
      })
      expect(await inventory.jobState('sweep')).toBe(3)
    })

    it('raises the last use, never lowers it, and passes over what is not held', async () => {
      await using inventory = await make()
      await inventory.record(layer, [], alpine)
      await inventory.record(config, [], alpine)
      await inventory.touch([
        { digest: layer.digest, repository: alpine, atMs: 3_000 },
        { digest: layer.digest, repository: node, atMs: 4_000 },
        { digest: layer.digest, repository: alpine, atMs: 2_000 },
        { digest: config.digest, repository: alpine, atMs: 1 },
        { digest: manifest.digest, repository: alpine, atMs: 5_000 },
      ])
      expect((await inventory.held(layer.digest))?.usedAtMs).toBe(4_000)
      expect((await inventory.held(config.digest))?.usedAtMs).toBe(config.usedAtMs)
      expect(await inventory.held(manifest.digest)).toBeUndefined()
      await inventory.touch([])
    })

    it('takes and pages through thousands of contents that one repository links', async () => {
      await using inventory = await make()
      const all = Array.from({ length: 3_000 }, (_, index) => contentOf(`content ${index}`))
      await Promise.all(all.map((content) => inventory.record(content, [], alpine)))
      await inventory.touch(all.map(({ digest }) => ({ digest, repository: alpine, atMs: 9_000 })))
      const seen: Digest[] = []
      for (let page = await inventory.contents(undefined, 999); page.length > 0;) {
        seen.push(...page.map(({ digest }) => digest))
        expect(page.every(({ usedAtMs }) => usedAtMs === 9_000)).toBe(true)
        page = await inventory.contents(seen.at(-1), 999)
      }
      expect(seen).toEqual(all.map(({ digest }) => digest).sort())
      expect(await inventory.isLinked(all[1_500]!.digest, alpine)).toBe(true)
      expect((await inventory.totals()).entries).toBe(3_000)
    })

    it('keeps its sums right when records and forgets of the same content race', async () => {
      await using inventory = await make()
      await Promise.all(
        Array.from({ length: 60 }, (_, index) =>
          index % 3 === 2
            ? inventory.forget(layer.digest)
            : inventory.record(layer, [], index % 3 === 0 ? alpine : node),
        ),
      )
      const held = await inventory.contents(undefined, 10)
      expect(await inventory.totals()).toMatchObject({
        bytes: held.length * layer.sizeBytes,
        entries: held.length,
      })
    })
  })
}
