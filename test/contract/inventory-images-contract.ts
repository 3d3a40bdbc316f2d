import { describe, expect, it } from 'vitest'
import type { Tag } from '../../src/oci/reference.ts'
import type { Content, Image, ImageQuery, Inventory } from '../../src/inventory/inventory.ts'
import {
  alpine,
  contentOf,
  descriptorOf,
  elsewhere,
  indexOf,
  manifestOf,
  node,
} from '../support/contents.ts'

const [base, top, other] = [contentOf('the base'), contentOf('top'), contentOf('another')]
const [image, sibling] = [manifestOf('the image'), manifestOf('sibling')]
const index = indexOf('an index')
const latest = 'latest' as Tag
const edge = 'edge' as Tag

/** How every Inventory lists its images and what they take. */
export function inventoryImagesContract(name: string, make: () => Promise<Inventory>): void {
  describe(`${name} lists images`, () => {
    it('with their tags, and sizes that count what is shared for each', async () => {
      await using inventory = await make()
      await recordAll(inventory, [base, top, other])
      await inventory.record(image, [base, top, top].map(descriptorOf), alpine)
      await inventory.record(sibling, [base, other].map(descriptorOf), alpine)
      for (const tag of [latest, edge]) await putTag(inventory, tag, image)
      const images = await listed(inventory)
      expect(images).toHaveLength(2)
      expect(images).toContainEqual({
        ...image,
        repository: alpine,
        tags: ['edge', 'latest'],
        heldBytes: sumOf([image, base, top]),
        exclusiveBytes: sumOf([image, top]),
        missingBytes: 0,
      })
      expect(images).toContainEqual({
        ...sibling,
        repository: alpine,
        tags: [],
        heldBytes: sumOf([sibling, base, other]),
        exclusiveBytes: sumOf([sibling, other]),
        missingBytes: 0,
      })
      expect(await inventory.heldBytes(images.map(({ digest }) => digest))).toBe(
        sumOf([image, sibling, base, top, other]),
      )
    })

    it('as what would go with each, be it of several manifests', async () => {
      await using inventory = await make()
      await recordAll(inventory, [base, top, other])
      await inventory.record(image, [base, top].map(descriptorOf), alpine)
      await inventory.record(sibling, [base, other].map(descriptorOf), alpine)
      await inventory.record(index, [image, sibling].map(descriptorOf), alpine)
      const [whole] = await listed(inventory)
      expect(whole).toMatchObject({ digest: index.digest, missingBytes: 0 })
      expect(whole?.exclusiveBytes).toBe((await inventory.totals()).bytes)
      await inventory.record(manifestOf('third'), [other, sibling].map(descriptorOf), node)
      const [shared] = await listed(inventory)
      expect(shared?.exclusiveBytes).toBe(sumOf([index, image, top]))
      const gone = await inventory.evict(index.digest, () => true)
      expect(sumOf(gone)).toBe(shared?.exclusiveBytes)
    })

    it('with what is missing: of an image all, of an index one manifest', async () => {
      await using inventory = await make()
      const missing = async () => (await listed(inventory)).map((image) => image.missingBytes)
      await inventory.record(index, [image, sibling].map(descriptorOf), alpine)
      expect(await missing()).toEqual([sumOf([image, sibling])])
      await inventory.record(image, [base, top, top].map(descriptorOf), alpine)
      expect(await missing()).toEqual([sumOf([base, top])])
      await recordAll(inventory, [base])
      expect(await missing()).toEqual([top.sizeBytes])
      await recordAll(inventory, [top])
      expect(await missing()).toEqual([0])
      await inventory.forget(base.digest)
      expect(await missing()).toEqual([base.sizeBytes])
    })

    it('as missing what is held but that nobody knows may be served there', async () => {
      await using inventory = await make()
      const missing = async () => (await listed(inventory)).map((image) => image.missingBytes)
      await inventory.record(image, [base, top].map(descriptorOf), alpine)
      await inventory.adopt(base, [])
      await inventory.record(top, [], elsewhere)
      expect(await missing()).toEqual([sumOf([base, top])])
      await inventory.link(base.digest, node, 0)
      expect(await missing()).toEqual([top.sizeBytes])
      await inventory.link(top.digest, alpine, 0)
      expect(await missing()).toEqual([0])
    })

    it('once for each repository, and neither blobs nor what an index names', async () => {
      await using inventory = await make()
      await recordAll(inventory, [base])
      await inventory.record(image, [descriptorOf(base)], alpine)
      await inventory.record(index, [descriptorOf(image)], node)
      await inventory.record(index, [descriptorOf(image)], elsewhere)
      await inventory.adopt(sibling, [])
      expect((await listed(inventory)).map(({ repository }) => repository)).toEqual([
        node,
        elsewhere,
      ])
      await putTag(inventory, latest, image)
      const [tagged] = await listed(inventory)
      expect(tagged).toMatchObject({
        digest: image.digest,
        repository: alpine,
        tags: [latest],
        heldBytes: sumOf([image, base]),
        exclusiveBytes: 0,
      })
    })

    it('of one repository or of all, in pages', async () => {
      await using inventory = await make()
      const all = Array.from({ length: 20 }, (_, index) => manifestOf(`manifest ${index}`))
      for (const [index, manifest] of all.entries()) {
        await inventory.record(manifest, [], [alpine, node, elsewhere][index % 3]!)
      }
      const whole = await listed(inventory)
      expect(whole).toHaveLength(20)
      expect(whole.map(positionOf)).toEqual(whole.map(positionOf).sort())
      expect(await inPages(inventory, undefined)).toEqual(whole)
      expect(await inPages(inventory, node)).toEqual(
        whole.filter(({ repository }) => repository.name === node.name),
      )
    })

    it.each([
      ['pine', ['docker.io/library/alpine:3_1', 'docker.io/library/alpine:Edge']],
      ['PINE:e', ['docker.io/library/alpine:Edge']],
      ['3_', ['docker.io/library/alpine:3_1']],
      ['3%', []],
      ['%', []],
      ['\\', []],
      ["'", []],
      [
        'o/library/',
        [
          'docker.io/library/alpine:3_1',
          'docker.io/library/alpine:Edge',
          'docker.io/library/node:',
        ],
      ],
      ['node:', []],
    ])('by a part of the name: %s', async (search, found) => {
      await using inventory = await make()
      const [first, second, third] = [
        manifestOf('first'),
        manifestOf('second'),
        manifestOf('third'),
      ]
      for (const manifest of [first, second]) await inventory.record(manifest, [], alpine)
      await inventory.record(third, [], node)
      await putTag(inventory, '3_1' as Tag, first)
      await putTag(inventory, 'Edge' as Tag, second)
      const images = await inventory.images({
        repository: undefined,
        search,
        after: undefined,
        limit: 9,
      })
      const names = images.map(
        ({ repository: { registry, name }, tags }) => `${registry}/${name}:${tags.join()}`,
      )
      expect(names.sort()).toEqual(found)
      const limited = { repository: undefined, search, limit: 1 }
      const [one] = await inventory.images({ ...limited, after: undefined })
      expect(one).toEqual(images[0])
      if (one)
        expect(await inventory.images({ ...limited, after: one })).toEqual(images.slice(1, 2))
    })
  })
}

function listed(inventory: Inventory): Promise<Image[]> {
  return inventory.images({ repository: undefined, after: undefined, limit: 100 })
}

async function inPages(
  inventory: Inventory,
  repository: ImageQuery['repository'],
): Promise<Image[]> {
  const images: Image[] = []
  for (;;) {
    const page = await inventory.images({ repository, after: images.at(-1), limit: 3 })
    images.push(...page)
    if (page.length < 3) return images
  }
}

async function recordAll(inventory: Inventory, blobs: Content[]): Promise<void> {
  for (const blob of blobs) await inventory.record(blob, [], alpine)
}

async function putTag(inventory: Inventory, tag: Tag, content: Content): Promise<void> {
  await inventory.putTag(alpine, tag, { descriptor: descriptorOf(content), checkedAtMs: 1 })
}

function positionOf({ repository, digest }: Image): string {
  return `${repository.registry} ${repository.name} ${digest}`
}

function sumOf(contents: Content[]): number {
  return contents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}
