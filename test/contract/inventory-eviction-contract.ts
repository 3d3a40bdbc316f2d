import { describe, expect, it } from 'vitest'
import type { Tag } from '../../src/oci/reference.ts'
import {
  type Content,
  type Inventory,
  REUSED_AFTER_MS,
  type RepositoryId,
} from '../../src/inventory/inventory.ts'
import {
  alpine,
  candidateOf,
  contentOf,
  descriptorOf,
  elsewhere,
  indexOf,
  manifestOf,
  node,
  recordImage,
  rootsOf,
} from '../support/contents.ts'

const [base, top, other] = [contentOf('base'), contentOf('top'), contentOf('other')]
const [image, sibling] = [manifestOf('image'), manifestOf('sibling')]
const index = indexOf('index')
const latest = 'latest' as Tag

/** How every Inventory keeps what belongs together, and lets it go. */
export function inventoryEvictionContract(name: string, make: () => Promise<Inventory>): void {
  describe(`${name} keeps what belongs together`, () => {
    it('counts as parents the manifests that are held, each once', async () => {
      await using inventory = await make()
      await inventory.record(base, [], alpine)
      expect((await candidateOf(inventory, base))?.parents).toBe(0)
      await recordImage(inventory, alpine, image, [base, base])
      await recordImage(inventory, alpine, image, [base, base])
      expect((await candidateOf(inventory, base))?.parents).toBe(1)
      await inventory.adopt(sibling, [base, top].map(descriptorOf))
      await inventory.record(top, [], node)
      expect((await candidateOf(inventory, base))?.parents).toBe(2)
      expect((await candidateOf(inventory, top))?.parents).toBe(1)
      await inventory.forget(image.digest)
      await inventory.forget(image.digest)
      expect((await candidateOf(inventory, base))?.parents).toBe(1)
    })

    it('gives as roots what no manifest names, the least recently used first', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [base])
      await inventory.record({ ...other, usedAtMs: 5_000 }, [], alpine)
      await inventory.record({ ...top, usedAtMs: 1_000 }, [], alpine)
      expect(await rootsOf(inventory, 'once')).toEqual([top, image, other].map(digestOf))
      await recordImage(inventory, alpine, { ...index, usedAtMs: 9_000 }, [image])
      expect(await rootsOf(inventory, 'once')).toEqual([top, other, index].map(digestOf))
    })

    it('gives roots in pages, those of the same time in order of digest', async () => {
      await using inventory = await make()
      const all = Array.from({ length: 10 }, (_, index) => contentOf(`content ${index}`))
      for (const content of all) await inventory.record(content, [], alpine)
      const first = await inventory.roots({ usage: 'once', after: undefined, limit: 7 })
      const rest = await inventory.roots({ usage: 'once', after: first.at(-1), limit: 7 })
      expect([...first, ...rest].map(digestOf)).toEqual(all.map(digestOf).sort())
    })

    it('names the repositories and tags of a root', async () => {
      await using inventory = await make()
      const record = { descriptor: descriptorOf(image), checkedAtMs: 1 }
      await recordImage(inventory, alpine, image, [base])
      await inventory.link(image.digest, elsewhere, 0)
      for (const tag of ['edge', '1'] as Tag[]) await inventory.putTag(alpine, tag, record)
      await inventory.putTag(node, latest, record)
      const [root] = await inventory.roots({ usage: 'once', after: undefined, limit: 1 })
      expect(root?.names).toEqual([
        { repository: alpine, tags: ['1', 'edge'] },
        { repository: node, tags: ['latest'] },
        { repository: elsewhere, tags: [] },
      ])
      expect(await inventory.repositoriesOf(image.digest)).toEqual([alpine, elsewhere])
    })

    it('keeps an image warm through its blobs, its index through the image', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [base, top])
      await recordImage(inventory, alpine, index, [image])
      await inventory.touch([{ digest: top.digest, repository: alpine, atMs: 7_000 }])
      expect(await usedAt(inventory, [top, image, index, base])).toEqual([
        7_000, 7_000, 7_000, 2_000,
      ])
    })

    it('takes the use of a shared blob for one of the image that was used last there', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [base, top])
      await recordImage(inventory, alpine, sibling, [base, other])
      const use = ({ digest }: Content, repository: RepositoryId, atMs: number) =>
        inventory.touch([{ digest, repository, atMs }])
      await use(sibling, alpine, 3_000)
      await use(base, alpine, 4_000)
      expect(await usedAt(inventory, [image, sibling, base])).toEqual([2_000, 4_000, 4_000])
      await use(image, alpine, 5_000)
      await use(base, alpine, 6_000)
      expect(await usedAt(inventory, [image, sibling, base])).toEqual([6_000, 4_000, 6_000])
      await use(base, node, 7_000)
      expect(await usedAt(inventory, [image, sibling, base])).toEqual([6_000, 4_000, 7_000])
    })

    it('takes a blob that is recorded for a use of its image', async () => {
      await using inventory = await make()
      await inventory.record(image, [descriptorOf(top)], alpine)
      await inventory.record({ ...top, storedAtMs: 8_000, usedAtMs: 8_000 }, [], alpine)
      expect(await usedAt(inventory, [image, top])).toEqual([8_000, 8_000])
    })

    it('looks for the image of a blob among the hundred last used of the repository', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [top])
      for (let index = 0; index < 99; index++) {
        await inventory.record({ ...manifestOf(`image ${index}`), usedAtMs: 3_000 }, [], alpine)
      }
      await inventory.touch([{ digest: top.digest, repository: alpine, atMs: 4_000 }])
      expect(await usedAt(inventory, [image])).toEqual([4_000])
      for (let index = 0; index < 100; index++) {
        const later = { ...manifestOf(`image ${index}`), usedAtMs: 5_000 }
        await inventory.record(later, [], alpine)
      }
      await inventory.touch([{ digest: top.digest, repository: alpine, atMs: 6_000 }])
      expect(await usedAt(inventory, [image, top])).toEqual([4_000, 6_000])
    })
  })

  describe(`${name} tells what was used again`, () => {
    it('when a use comes an hour after it was stored, with all that it names', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [base, top])
      const bytes = sumOf([image, base, top])
      const use = (atMs: number) =>
        inventory.touch([{ digest: image.digest, repository: alpine, atMs }])
      await use(image.storedAtMs + REUSED_AFTER_MS - 1)
      expect(await rootsOf(inventory, 'once')).toEqual([image.digest])
      expect(await inventory.totals()).toEqual({ bytes, entries: 3, onceBytes: bytes })
      await use(image.storedAtMs + REUSED_AFTER_MS)
      expect(await rootsOf(inventory, 'once')).toEqual([])
      expect(await rootsOf(inventory, 'again')).toEqual([image.digest])
      expect(await inventory.totals()).toEqual({ bytes, entries: 3, onceBytes: 0 })
    })

    it('also of what it names and is only held later, and of what it leaves behind', async () => {
      await using inventory = await make()
      const atMs = image.storedAtMs + REUSED_AFTER_MS
      await inventory.record(image, [descriptorOf(top)], alpine)
      await inventory.touch([{ digest: image.digest, repository: alpine, atMs }])
      await inventory.record({ ...top, storedAtMs: atMs, usedAtMs: atMs }, [], alpine)
      await inventory.forget(image.digest)
      expect(await rootsOf(inventory, 'again')).toEqual([top.digest])
      await inventory.forget(top.digest)
      await inventory.record(top, [], alpine)
      expect(await rootsOf(inventory, 'once')).toEqual([top.digest])
      expect((await inventory.totals()).onceBytes).toBe(top.sizeBytes)
    })
  })

  describe(`${name} evicts`, () => {
    it('an index with everything in it, its links and its tags', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [base, top])
      await recordImage(inventory, alpine, index, [image, sibling])
      const record = { descriptor: descriptorOf(index), checkedAtMs: 1 }
      await inventory.putTag(alpine, latest, record)
      await inventory.putTag(node, latest, { ...record, descriptor: descriptorOf(sibling) })
      const gone = await inventory.evict(index.digest, () => true)
      expect(gone.map(digestOf).sort()).toEqual([index, image, base, top].map(digestOf).sort())
      expect(gone[0]).toEqual({
        ...index,
        usage: 'once',
        parents: 0,
        names: [{ repository: alpine, tags: ['latest'] }],
      })
      expect(await inventory.totals()).toEqual({ bytes: 0, entries: 0, onceBytes: 0 })
      expect(await inventory.isLinked(base.digest, alpine)).toBe(false)
      expect(await inventory.tag(alpine, latest)).toBeUndefined()
      expect(await inventory.tag(node, latest)).toBeDefined()
    })

    it('what others name only when the last of them goes', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [base, top])
      await recordImage(inventory, alpine, sibling, [base, other])
      const first = await inventory.evict(image.digest, () => true)
      expect(first.map(digestOf).sort()).toEqual([image, top].map(digestOf).sort())
      expect((await inventory.totals()).bytes).toBe(sumOf([sibling, base, other]))
      const second = await inventory.evict(sibling.digest, () => true)
      expect(second.map(digestOf).sort()).toEqual([sibling, base, other].map(digestOf).sort())
    })

    it('only what may go: the rest stays, as a root where nothing names it', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [base, { ...top, usedAtMs: 9_000 }])
      await inventory.touch([{ digest: image.digest, repository: alpine, atMs: 9_500 }])
      expect(await inventory.evict(image.digest, () => false)).toEqual([])
      const mayGo = ({ digest, usedAtMs }: Content) => digest === image.digest || usedAtMs < 9_000
      const gone = await inventory.evict(image.digest, mayGo)
      expect(gone.map(digestOf)).toEqual([image, base].map(digestOf))
      expect(await rootsOf(inventory, 'once')).toEqual([top.digest])
      expect(await inventory.isLinked(top.digest, alpine)).toBe(true)
    })

    it('what it is asked to even where an index names it, and the index knows', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [base])
      await recordImage(inventory, alpine, index, [image])
      const gone = await inventory.evict(image.digest, () => true)
      expect(gone.map(digestOf)).toEqual([image, base].map(digestOf))
      await recordImage(inventory, alpine, image, [base])
      expect((await candidateOf(inventory, image))?.parents).toBe(1)
    })

    it('shows each as it is at that moment, and asks once', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [base])
      await recordImage(inventory, alpine, sibling, [base])
      await recordImage(inventory, alpine, index, [image, sibling])
      const seen: [Content['digest'], parents: number][] = []
      await inventory.evict(index.digest, ({ digest, parents }) => {
        seen.push([digest, parents])
        return true
      })
      expect(seen[0]).toEqual([index.digest, 0])
      expect(seen.at(-1)).toEqual([base.digest, 0])
      expect(seen).toHaveLength(4)
    })

    it('a manifest that names a thousand', async () => {
      await using inventory = await make()
      const blobs = Array.from({ length: 1_000 }, (_, index) => contentOf(`blob ${index}`))
      await inventory.record(image, blobs.map(descriptorOf), alpine)
      for (const blob of blobs) await inventory.record(blob, [], alpine)
      expect(await inventory.evict(image.digest, () => true)).toHaveLength(1_001)
      expect(await inventory.totals()).toEqual({ bytes: 0, entries: 0, onceBytes: 0 })
    })
  })
}

async function usedAt(inventory: Inventory, contents: Content[]): Promise<(number | undefined)[]> {
  return Promise.all(contents.map(async ({ digest }) => (await inventory.held(digest))?.usedAtMs))
}

function digestOf({ digest }: Content): Content['digest'] {
  return digest
}

function sumOf(contents: Content[]): number {
  return contents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}
