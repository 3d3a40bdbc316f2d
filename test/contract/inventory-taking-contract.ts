import { describe, expect, it } from 'vitest'
import type { Content, Inventory, RepositoryId } from '../../src/inventory/inventory.ts'
import type { Tag } from '../../src/oci/reference.ts'
import {
  alpine,
  contentOf,
  descriptorOf,
  elsewhere,
  indexOf,
  manifestOf,
  node,
  recordImage,
} from '../support/contents.ts'

const [base, top] = [contentOf('base'), contentOf('top')]
const [image, sibling] = [manifestOf('image'), manifestOf('sibling')]
const [index, wider] = [indexOf('index'), indexOf('wider')]
const latest = 'latest' as Tag
const always = () => true

/** How every Inventory takes content from one repository and leaves it to the others. */
export function inventoryTakingContract(name: string, make: () => Promise<Inventory>): void {
  describe(`${name} takes from a repository`, () => {
    it('a tag with all that only it needed, and frees it', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [base, top])
      await putTag(inventory, alpine, latest, image)
      const taken = await inventory.take(taking(alpine, latest), always)
      expect(taken.tags).toEqual([{ tag: latest, digest: image.digest }])
      expect(taken.taken[0]?.digest).toBe(image.digest)
      expect(digestsOf(taken.taken)).toEqual(digestsOf([image, base, top]))
      expect(digestsOf(taken.gone)).toEqual(digestsOf([image, base, top]))
      expect(await inventory.totals()).toEqual({ bytes: 0, entries: 0, onceBytes: 0 })
      const again = await inventory.take(taking(alpine, latest), always)
      expect(again).toEqual({ tags: [], taken: [], gone: [] })
    })

    it('what another repository keeps', async () => {
      await using inventory = await make()
      for (const repository of [alpine, elsewhere]) {
        await recordImage(inventory, repository, image, [base])
        await putTag(inventory, repository, latest, image)
        await inventory.putReferrers(image.digest, repository, { referrers: [], checkedAtMs: 1 })
      }
      const { taken, gone } = await inventory.take(taking(alpine, image.digest), always)
      expect(digestsOf(taken)).toEqual(digestsOf([image, base]))
      expect(gone).toEqual([])
      expect(await linkedOf(inventory, alpine)).toEqual([])
      expect(await inventory.tags(alpine)).toEqual([])
      expect(await inventory.referrers(image.digest, alpine)).toBeUndefined()
      expect(await linkedOf(inventory, elsewhere)).toEqual(digestsOf([image, base]))
      expect(await inventory.tags(elsewhere)).toEqual([latest])
      expect(await inventory.referrers(image.digest, elsewhere)).toBeDefined()
    })

    it('but not what a tag or a manifest of it needs', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [base])
      await recordImage(inventory, alpine, sibling, [base, top])
      await recordImage(inventory, alpine, index, [image, sibling])
      await recordImage(inventory, alpine, wider, [image])
      await putTag(inventory, alpine, latest, sibling)
      const first = await inventory.take(taking(alpine, index.digest), always)
      expect(digestsOf(first.taken)).toEqual([index.digest])
      const named = await inventory.take(taking(alpine, image.digest), always)
      expect(named).toEqual({ tags: [], taken: [], gone: [] })
      const second = await inventory.take(taking(alpine, wider.digest), always)
      expect(digestsOf(second.gone)).toEqual(digestsOf([wider, image]))
      expect(await linkedOf(inventory, alpine)).toEqual(digestsOf([sibling, base, top]))
    })

    it('but not what may not go, nor what that needs; the tag goes', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [base])
      await recordImage(inventory, alpine, index, [image])
      await putTag(inventory, alpine, latest, index)
      const mayGo = ({ digest }: Content) => digest !== image.digest
      const { gone } = await inventory.take(taking(alpine, latest), mayGo)
      expect(digestsOf(gone)).toEqual([index.digest])
      expect(await inventory.tags(alpine)).toEqual([])
      expect(await linkedOf(inventory, alpine)).toEqual(digestsOf([image, base]))
    })

    it('nothing that it does not have', async () => {
      await using inventory = await make()
      await recordImage(inventory, node, image, [base])
      await inventory.record(top, [], alpine)
      const { taken, gone } = await inventory.take(taking(alpine, image.digest), always)
      expect([...taken, ...gone]).toEqual([])
      expect(await linkedOf(inventory, node)).toEqual(digestsOf([image, base]))
    })

    it('of a public registry leaves the link to who needs it there', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [base, top])
      await inventory.link(image.digest, elsewhere, 0)
      await putTag(inventory, node, latest, image)
      await inventory.take({ ...taking(alpine, image.digest), isPublic: true }, always)
      expect(await linkedOf(inventory, alpine)).toEqual([])
      expect(await linkedOf(inventory, node)).toEqual(digestsOf([image, base, top]))
      expect(await linkedOf(inventory, elsewhere)).toEqual([image.digest])
    })

    it('of another registry leaves no link to who has none', async () => {
      await using inventory = await make()
      await recordImage(inventory, alpine, image, [base])
      await putTag(inventory, node, latest, image)
      await inventory.take(taking(alpine, image.digest), always)
      expect(await linkedOf(inventory, node)).toEqual([])
      expect(await inventory.held(base.digest)).toBeDefined()
    })
  })
}

function taking(repository: RepositoryId, target: Tag | Content['digest']) {
  return { repository, target, isPublic: false }
}

async function putTag(inventory: Inventory, repository: RepositoryId, tag: Tag, content: Content) {
  await inventory.putTag(repository, tag, { descriptor: descriptorOf(content), checkedAtMs: 1 })
}

async function linkedOf(inventory: Inventory, repository: RepositoryId) {
  const all = { repository, after: undefined, limit: 100 }
  const manifests = await inventory.linked({ ...all, kind: 'manifest' })
  const blobs = await inventory.linked({ ...all, kind: 'blob' })
  return digestsOf([...manifests, ...blobs])
}

function digestsOf(contents: Pick<Content, 'digest'>[]) {
  return contents.map(({ digest }) => digest).sort()
}
