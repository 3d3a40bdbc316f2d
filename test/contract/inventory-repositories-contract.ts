import { describe, expect, it } from 'vitest'
import type { Inventory, RepositorySummary } from '../../src/inventory/inventory.ts'
import type { Tag } from '../../src/oci/reference.ts'
import { sumOf } from '../support/sizes.ts'
import {
  alpine,
  contentOf,
  descriptorOf,
  elsewhere,
  indexOf,
  manifestOf,
  node,
} from '../support/contents.ts'

const [base, top] = [contentOf('the base'), contentOf('top')]
const [image, sibling] = [manifestOf('the image'), manifestOf('sibling')]
const index = indexOf('an index')

/** What every Inventory tells of its repositories. */
export function inventoryRepositoriesContract(name: string, make: () => Promise<Inventory>): void {
  describe(`${name} sums up repositories`, () => {
    it('with their images, and each content once', async () => {
      await using inventory = await make()
      for (const manifest of [image, sibling]) {
        await inventory.record(manifest, [base, top].map(descriptorOf), alpine)
      }
      for (const blob of [base, top]) await inventory.record(blob, [], alpine)
      expect(await all(inventory)).toEqual([
        {
          repository: alpine,
          images: 2,
          heldBytes: sumOf([image, sibling, base, top]),
          sharedBytes: 0,
          usedAtMs: Math.max(image.usedAtMs, sibling.usedAtMs),
        },
      ])
    })

    it('with what other repositories link as well', async () => {
      await using inventory = await make()
      await inventory.record(image, [base, top].map(descriptorOf), alpine)
      for (const blob of [base, top]) await inventory.record(blob, [], alpine)
      await inventory.record(base, [], node)
      expect(await all(inventory)).toMatchObject([
        { repository: alpine, images: 1, sharedBytes: base.sizeBytes },
        {
          repository: node,
          images: 0,
          heldBytes: base.sizeBytes,
          sharedBytes: base.sizeBytes,
          usedAtMs: 0,
        },
      ])
    })

    it('what an index names is an image where it is tagged', async () => {
      await using inventory = await make()
      await inventory.record(image, [], alpine)
      await inventory.record(index, [descriptorOf(image)], alpine)
      expect(await all(inventory)).toMatchObject([{ images: 1 }])
      const record = { descriptor: descriptorOf(image), checkedAtMs: 0 }
      await inventory.putTag(alpine, '3' as Tag, record)
      expect(await all(inventory)).toMatchObject([{ images: 2 }])
    })

    it('as of their last use', async () => {
      await using inventory = await make()
      await inventory.record(image, [], alpine)
      const atMs = image.usedAtMs + 5_000
      await inventory.touch([{ digest: image.digest, repository: alpine, atMs }])
      expect(await all(inventory)).toMatchObject([{ usedAtMs: atMs }])
    })

    it('in order, in pages, by a part of the name; without those that link nothing', async () => {
      await using inventory = await make()
      for (const repository of [node, elsewhere, alpine]) {
        await inventory.record(image, [], repository)
      }
      const whole = await all(inventory)
      const names = whole.map(({ repository }) => repository)
      expect(names).toEqual([alpine, node, elsewhere])
      const [first] = await inventory.repositorySummaries({ after: undefined, limit: 1 })
      expect(first).toEqual(whole[0])
      expect(await inventory.repositorySummaries({ after: alpine, limit: 9 })).toEqual(
        whole.slice(1),
      )
      const search = { after: undefined, limit: 9 }
      const found = await inventory.repositorySummaries({ ...search, search: 'KER.io/library/AL' })
      expect(found).toEqual(whole.slice(0, 1))
      expect(await inventory.repositorySummaries({ ...search, search: '%' })).toEqual([])
      await inventory.unlink(image.digest, alpine)
      expect((await all(inventory)).map(({ repository }) => repository)).toEqual([node, elsewhere])
    })
  })
}

function all(inventory: Inventory): Promise<RepositorySummary[]> {
  return inventory.repositorySummaries({ after: undefined, limit: 100 })
}
