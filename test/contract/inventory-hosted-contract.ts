import { describe, expect, it } from 'vitest'
import type { Tag } from '../../src/oci/reference.ts'
import type { Inventory } from '../../src/inventory/inventory.ts'
import { alpine, contentOf, descriptorOf, manifestOf, node } from '../support/contents.ts'

const layer = contentOf('layer')
const manifest = manifestOf('manifest')
const signature = { ...descriptorOf(manifestOf('signature')), artifactType: 'a/signature' }
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

    it('knows what refers to a manifest, held or not, for as long as it is linked', async () => {
      await using inventory = await make()
      const { digest } = manifest
      expect(await inventory.referringTo(alpine, digest)).toEqual([])
      await inventory.record(manifestOf('signature'), [], alpine)
      await inventory.putSubject(alpine, digest, signature)
      await inventory.putSubject(alpine, digest, signature)
      expect(await inventory.referringTo(alpine, digest)).toEqual([signature])
      expect(await inventory.referringTo(node, digest)).toEqual([])
      await inventory.unlink(signature.digest, alpine)
      expect(await inventory.referringTo(alpine, digest)).toEqual([])
    })

    it('knows it no more when it is forgotten', async () => {
      await using inventory = await make()
      await inventory.record(manifestOf('signature'), [], alpine)
      await inventory.putSubject(alpine, manifest.digest, signature)
      await inventory.forget(signature.digest)
      expect(await inventory.referringTo(alpine, manifest.digest)).toEqual([])
    })

    it('lists the repositories of a registry that have manifests, in pages', async () => {
      await using inventory = await make()
      await inventory.record(manifest, [], node)
      await inventory.record(manifest, [], alpine)
      await inventory.record(layer, [], { registry: 'docker.io', name: 'a/blob' as never })
      const { registry } = alpine
      expect(await inventory.repositories(registry, '', 10)).toEqual([alpine.name, node.name])
      expect(await inventory.repositories(registry, '', 1)).toEqual([alpine.name])
      expect(await inventory.repositories(registry, alpine.name, 10)).toEqual([node.name])
      expect(await inventory.repositories('ghcr.io', '', 10)).toEqual([])
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
