import { describe, expect, it } from 'vitest'
import type { Tag } from '../../src/oci/reference.ts'
import type { Inventory } from '../../src/inventory/inventory.ts'
import { alpine, contentOf, descriptorOf, manifestOf, node } from '../support/contents.ts'

const layer = contentOf('layer')
const manifest = manifestOf('manifest')
const signature = manifestOf('signature')
const referrer = { ...descriptorOf(signature), artifactType: 'a/signature' }
const referring = { subject: manifest.digest, referrer }
const tag = 'latest' as Tag

/** What an Inventory keeps of repositories that can be pushed to; `make` gives an empty one. */
export function inventoryHostedContract(name: string, make: () => Promise<Inventory>): void {
  describe(`${name} is an inventory of what is pushed`, () => {
    it('takes content from a repository, and it stays held', async () => {
      await using inventory = await make()
      await inventory.record(layer, [], alpine)
      await inventory.record(layer, [], node)
      expect(await inventory.unlink(layer.digest, alpine)).toBe(true)
      expect(await inventory.unlink(layer.digest, alpine)).toBe(false)
      expect(await inventory.isLinked(layer.digest, alpine)).toBe(false)
      expect(await inventory.isLinked(layer.digest, node)).toBe(true)
      expect(await inventory.held(layer.digest)).toEqual(layer)
    })

    it('takes the tags of what it takes, of that repository alone', async () => {
      await using inventory = await make()
      const record = { descriptor: descriptorOf(manifest), checkedAtMs: 1 }
      for (const repository of [alpine, node]) {
        await inventory.record(manifest, [], repository)
        await inventory.putTag(repository, tag, record)
      }
      await inventory.unlink(manifest.digest, alpine)
      expect(await inventory.tags(alpine)).toEqual([])
      expect(await inventory.tags(node)).toEqual([tag])
    })

    it('leaves what was linked again since, which also a look counts for', async () => {
      await using inventory = await make()
      await inventory.record(layer, [], alpine)
      const { digest, usedAtMs } = layer
      expect(await inventory.unlink(digest, alpine, usedAtMs)).toBe(false)
      expect(await inventory.renewLink(digest, alpine, 5_000)).toBe(true)
      expect(await inventory.renewLink(digest, alpine, 4_000)).toBe(true)
      expect(await inventory.renewLink(digest, node, 5_000)).toBe(false)
      expect(await inventory.unlink(digest, alpine, 5_000)).toBe(false)
      await inventory.link(digest, alpine, 6_000)
      expect(await inventory.unlink(digest, alpine, 6_000)).toBe(false)
      expect(await inventory.unlink(digest, alpine, 6_001)).toBe(true)
    })

    it('counts what a repository links, each once', async () => {
      await using inventory = await make()
      expect(await inventory.linkedBytes(alpine, [])).toBe(0)
      for (const repository of [alpine, alpine, node]) {
        await inventory.record(layer, [], repository)
        await inventory.record(manifest, [descriptorOf(layer)], repository)
      }
      const bothBytes = layer.sizeBytes + manifest.sizeBytes
      expect(await inventory.linkedBytes(alpine, [])).toBe(bothBytes)
      expect(await inventory.linkedBytes(alpine, [layer.digest])).toBe(manifest.sizeBytes)
      await inventory.unlink(manifest.digest, alpine)
      expect(await inventory.linkedBytes(alpine, [])).toBe(layer.sizeBytes)
      expect(await inventory.linkedBytes(node, [])).toBe(bothBytes)
    })

    it('lists what a repository links, in pages, with what that needs', async () => {
      await using inventory = await make()
      const { digest, sizeBytes } = manifest
      await inventory.record(layer, [], alpine)
      await inventory.record(
        manifest,
        [layer, layer, contentOf('absent')].map(descriptorOf),
        alpine,
      )
      await inventory.record(signature, [], alpine, referring)
      await inventory.touch([{ digest, repository: alpine, atMs: 9_000 }])
      const all = { repository: alpine, kind: 'manifest', after: undefined, limit: 10 } as const
      const linked = await inventory.linked(all)
      expect(linked.find((content) => content.digest === digest)).toEqual({
        digest,
        sizeBytes,
        linkedAtMs: manifest.usedAtMs,
        usedAtMs: 9_000,
        children: [layer.digest, contentOf('absent').digest].sort(),
        subjects: [],
      })
      expect(linked.map(({ subjects }) => subjects)).toContainEqual([digest])
      const [first, second] = linked
      expect(await inventory.linked({ ...all, limit: 1 })).toEqual([first])
      expect(await inventory.linked({ ...all, after: first!.digest })).toEqual([second])
      const blobs = await inventory.linked({ ...all, kind: 'blob' })
      expect(blobs.map((blob) => blob.digest)).toEqual([layer.digest])
      expect(await inventory.linked({ ...all, repository: node })).toEqual([])
    })

    it('lists what was taken from its last repository, until it goes or is linked again', async () => {
      await using inventory = await make()
      const other = contentOf('other')
      await inventory.record(layer, [], alpine)
      await inventory.record(layer, [], node)
      await inventory.record(other, [], alpine)
      await inventory.record(manifest, [descriptorOf(other)], alpine)
      await inventory.adopt(contentOf('adopted'), [])
      for (const { digest } of [layer, other, manifest]) await inventory.unlink(digest, alpine)
      expect(await inventory.unlinked(undefined, 10)).toEqual([manifest.digest])
      await inventory.unlink(layer.digest, node)
      const both = [layer.digest, manifest.digest].sort()
      expect(await inventory.unlinked(undefined, 10)).toEqual(both)
      expect(await inventory.unlinked(undefined, 1)).toEqual(both.slice(0, 1))
      expect(await inventory.unlinked(both[0], 10)).toEqual(both.slice(1))
      await inventory.link(layer.digest, node, 0)
      await inventory.evict(manifest.digest, ({ digest }) => digest === manifest.digest)
      expect(await inventory.unlinked(undefined, 10)).toEqual([other.digest])
    })

    it('knows what refers to a manifest, held or not, for as long as it is linked', async () => {
      await using inventory = await make()
      const { digest } = manifest
      expect(await inventory.referringTo(alpine, digest)).toEqual([])
      await inventory.record(signature, [], alpine, referring)
      await inventory.record(signature, [], alpine, referring)
      expect(await inventory.referringTo(alpine, digest)).toEqual([referrer])
      expect(await inventory.referringTo(node, digest)).toEqual([])
      await inventory.unlink(signature.digest, alpine)
      expect(await inventory.referringTo(alpine, digest)).toEqual([])
    })

    it('knows it no more when it is forgotten', async () => {
      await using inventory = await make()
      await inventory.record(signature, [], alpine, referring)
      await inventory.forget(signature.digest)
      expect(await inventory.referringTo(alpine, manifest.digest)).toEqual([])
    })

    it('lists the repositories of a registry that have manifests, in pages', async () => {
      await using inventory = await make()
      await inventory.record(manifest, [], node)
      await inventory.record(manifest, [], alpine)
      await inventory.record(layer, [], { registry: 'docker.io', name: 'a/blob' as never })
      const { registry } = alpine
      const all = { registry, kind: 'manifest', after: '', limit: 10 } as const
      expect(await inventory.repositories(all)).toEqual([alpine.name, node.name])
      expect(await inventory.repositories({ ...all, limit: 1 })).toEqual([alpine.name])
      expect(await inventory.repositories({ ...all, after: alpine.name })).toEqual([node.name])
      expect(await inventory.repositories({ ...all, registry: 'ghcr.io' })).toEqual([])
      expect(await inventory.repositories({ ...all, kind: 'blob' })).toEqual(['a/blob'])
      const names = ['a/blob', alpine.name, node.name]
      expect(await inventory.repositories({ ...all, kind: undefined })).toEqual(names)
    })

    it('can be synced at any time, by many at once', async () => {
      await using inventory = await make()
      await inventory.sync()
      const changes = ['a', 'b', 'c'].map(async (seed) => {
        await inventory.record(contentOf(seed), [], alpine)
        await inventory.sync()
      })
      await Promise.all(changes)
      expect((await inventory.totals()).entries).toBe(3)
    })
  })
}
