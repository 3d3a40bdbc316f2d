import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { goesFirst, inEvictionOrder, unusedSince } from '../../src/cache/eviction-order.ts'
import {
  type Candidate,
  type Content,
  type Inventory,
  REUSED_AFTER_MS,
} from '../../src/inventory/inventory.ts'
import { openSqliteInventory } from '../../src/inventory/sqlite.ts'
import { alpine, contentOf, descriptorOf, manifestOf, node } from '../support/contents.ts'
import { InventoryModel } from '../support/inventory-model.ts'

const [old, young] = [
  { digest: contentOf('old').digest, usedAtMs: 1 },
  { digest: contentOf('young').digest, usedAtMs: 2 },
]

describe('of content that was used once and content that was used again', () => {
  const much = { bytes: 100, onceBytes: 26 }
  const little = { bytes: 100, onceBytes: 25 }

  it('the first goes as long as it takes more than a quarter', () => {
    expect(goesFirst(young, old, much)).toBe(young)
    expect(goesFirst(old, young, much)).toBe(old)
  })

  it('the one that was used longer ago goes otherwise', () => {
    expect(goesFirst(young, old, little)).toBe(old)
    expect(goesFirst(old, young, little)).toBe(old)
  })

  it('the other goes where there is none', () => {
    expect(goesFirst(undefined, young, much)).toBe(young)
    expect(goesFirst(young, undefined, little)).toBe(young)
    expect(goesFirst(undefined, undefined, little)).toBeUndefined()
  })
})

describe('the order of eviction', () => {
  it('is that of the model, one by one as things are evicted and others stay', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(pull, { maxLength: 40 }), stays, async (pulls, stays) => {
        await using inventory = await openSqliteInventory(':memory:')
        const model = new InventoryModel()
        for (const pull of pulls) {
          await take(inventory, pull)
          await take(model, pull)
        }
        const mayGo = ({ digest }: Candidate) => !stays.includes(digest)
        const seen: string[] = []
        for await (const root of inEvictionOrder(inventory)) {
          seen.push(root.digest)
          await inventory.evict(root.digest, mayGo)
        }
        expect(seen).toEqual(await orderByModel(model, mayGo))
      }),
      { numRuns: 50 },
    )
  })

  it('comes to what others leave', async () => {
    await using inventory = await openSqliteInventory(':memory:')
    const shared = { ...contentOf('shared'), usedAtMs: 5_000 }
    await inventory.record(shared, [], alpine)
    await inventory.record(manifestOf('image'), [descriptorOf(shared)], node)
    const seen: string[] = []
    for await (const root of inEvictionOrder(inventory)) {
      seen.push(root.digest)
      await inventory.evict(root.digest, ({ digest }) => digest === root.digest)
    }
    expect(seen).toEqual([manifestOf('image').digest, shared.digest])
  })
})

describe('roots that were not used since', () => {
  it('are all that were used before, whether once or again', async () => {
    await using inventory = await openSqliteInventory(':memory:')
    const usedAt = (name: string, usedAtMs: number) =>
      inventory.record({ ...contentOf(name), storedAtMs: 0, usedAtMs }, [], alpine)
    await usedAt('once', 10)
    await usedAt('later', 20)
    await usedAt('again', REUSED_AFTER_MS)
    await usedAt('again later', REUSED_AFTER_MS + 1)
    const before = async (sinceMs: number) => {
      const digests: string[] = []
      for await (const { digest } of unusedSince(inventory, sinceMs)) digests.push(digest)
      return digests
    }
    const [once, later, again] = ['once', 'later', 'again'].map((name) => contentOf(name).digest)
    expect(await before(10)).toEqual([])
    expect(await before(20)).toEqual([once])
    expect(await before(REUSED_AFTER_MS + 1)).toEqual([once, later, again])
  })
})

const layers = ['layer', 'other', 'base', 'top'].map(contentOf)
const images = ['a', 'b', 'c', 'd', 'e', 'f'].map(manifestOf)

const pull = fc.record({
  image: fc.nat({ max: images.length - 1 }),
  repository: fc.constantFrom(alpine, node),
  atMs: fc.nat({ max: 4 * REUSED_AFTER_MS }),
})

/** What is pinned, say. */
const stays = fc.subarray([...layers, ...images].map(({ digest }) => digest))

type Pull = typeof pull extends fc.Arbitrary<infer T> ? T : never

async function take(inventory: Inventory, { image, repository, atMs }: Pull): Promise<void> {
  const at = (content: Content) => ({ ...content, storedAtMs: atMs, usedAtMs: atMs })
  const named = layers.filter((_, index) => (index + image) % 3 === 0)
  await inventory.record(at(images[image]!), named.map(descriptorOf), repository)
  for (const layer of named) await inventory.record(at(layer), [], repository)
}

/** Finds the next by looking at everything each time. */
async function orderByModel(
  model: InventoryModel,
  mayGo: (candidate: Candidate) => boolean,
): Promise<string[]> {
  const seen: Candidate[] = []
  for (;;) {
    const [once, again] = await Promise.all(
      (['once', 'again'] as const).map(async (usage) => {
        const roots = await model.roots({ usage, after: undefined, limit: 100 })
        const last = seen.findLast((root) => root.usage === usage)
        return roots.find((root) => !last || isBehind(root, last))
      }),
    )
    const next = goesFirst(once, again, await model.totals())
    if (!next) return seen.map(({ digest }) => digest)
    seen.push(next)
    await model.evict(next.digest, mayGo)
  }
}

function isBehind(root: Candidate, last: Candidate): boolean {
  return goesFirst(root, last, { bytes: 0, onceBytes: 0 }) === last
}
