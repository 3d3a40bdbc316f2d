import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Tag } from '../../src/oci/reference.ts'
import {
  type Content,
  type Inventory,
  REUSED_AFTER_MS,
  type Taken,
  type Taking,
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
} from '../support/contents.ts'
import { InventoryModel } from '../support/inventory-model.ts'

/** Whatever is done to it in whatever order, an inventory is as its model. */
export function inventoryModelContract(name: string, make: () => Promise<Inventory>): void {
  describe(`${name} behaves as the model of an inventory`, () => {
    it('whatever is done to it in whatever order', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          await using inventory = await make()
          const model = new InventoryModel()
          for (const step of steps) {
            expect(await take(inventory, step)).toEqual(await take(model, step))
          }
          expect(await factsOf(inventory)).toEqual(await factsOf(model))
        }),
        { numRuns: 120 },
      )
    })
  })
}

const repositories = [alpine, node, elsewhere]
const [config, layer, other] = [contentOf('config'), contentOf('layer'), contentOf('other')]
const [first, second] = [manifestOf('first'), manifestOf('second')]
const [index, wider] = [indexOf('index'), indexOf('wider')]
const contents = [config, layer, other, first, second, index, wider]
const tags = ['latest', '1', 'edge'] as Tag[]

/** The same content always names the same. */
const children = new Map([
  [first, [config, layer, layer]],
  [second, [layer, other]],
  [index, [first, second, first]],
  [wider, [second, manifestOf('never held')]],
])

const atMs = fc.oneof(fc.nat({ max: 9_000 }), fc.nat({ max: 3 * REUSED_AFTER_MS }))

const step = fc.record({
  action: fc.constantFrom(
    ...(['record', 'recordBlob', 'adopt', 'link', 'forget', 'evict'] as const),
    ...(['putTag', 'dropTag', 'touch', 'page', 'putReferrers'] as const),
    ...(['seeTag', 'dropHistories', 'putFreeze', 'dropFreeze'] as const),
    ...(['unlink', 'unlinkOld', 'renewLink', 'recordReferring'] as const),
    ...(['takeTag', 'take', 'takePublic'] as const),
  ),
  content: fc.constantFrom(...contents),
  served: fc.constantFrom(...contents),
  repository: fc.constantFrom(...repositories),
  tag: fc.constantFrom(...tags),
  by: fc.constantFrom('alice', undefined),
  atMs,
  uses: fc.array(
    fc.record({
      digest: fc.constantFrom(...contents.map(({ digest }) => digest)),
      repository: fc.constantFrom(...repositories),
      atMs,
    }),
    { maxLength: 4 },
  ),
})

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function take(inventory: Inventory, step: Step): Promise<unknown> {
  const { content, repository, tag, atMs } = step
  const { digest } = content
  const record = { descriptor: descriptorOf(content), checkedAtMs: atMs }
  const stored = { ...content, usedAtMs: content.storedAtMs + atMs }
  const named = (children.get(content) ?? []).map(descriptorOf)
  const actions = {
    record: () => inventory.record(stored, named, repository),
    recordBlob: () => inventory.record({ ...stored, kind: 'blob' }, [], repository),
    adopt: () => inventory.adopt(stored, named),
    link: () => inventory.link(digest, repository, atMs),
    renewLink: () => inventory.renewLink(digest, repository, atMs),
    unlink: () => inventory.unlink(digest, repository),
    unlinkOld: () => inventory.unlink(digest, repository, atMs),
    recordReferring: async () => {
      const subject = step.served.digest
      const referring = { subject, referrer: record.descriptor }
      await inventory.record(stored, named, repository, referring)
      return inventory.referringTo(repository, subject)
    },
    forget: () => inventory.forget(digest),
    evict: async () => {
      const gone = await inventory.evict(digest, ({ usedAtMs }) => usedAtMs <= atMs)
      return gone.sort(byDigest)
    },
    takeTag: () => taken(inventory, { repository, target: tag, isPublic: false }, atMs),
    take: () => taken(inventory, { repository, target: digest, isPublic: false }, atMs),
    takePublic: () => taken(inventory, { repository, target: digest, isPublic: true }, atMs),
    putTag: () => inventory.putTag(repository, tag, record),
    dropTag: () => inventory.dropTag(repository, tag),
    putReferrers: () =>
      inventory.putReferrers(digest, repository, { referrers: [], checkedAtMs: atMs }),
    seeTag: () => {
      const served = { descriptor: descriptorOf(step.served), checkedAtMs: atMs }
      return inventory.seeTag(repository, tag, record.descriptor, served, step.by)
    },
    dropHistories: () => inventory.dropHistories(atMs),
    putFreeze: () =>
      inventory.putFreeze({ repository, tag, descriptor: record.descriptor, createdAtMs: atMs }),
    dropFreeze: () => inventory.dropFreeze(repository, tag),
    touch: () => inventory.touch(step.uses),
    page: async () => [
      await inventory.roots({ usage: 'once', after: stored, limit: 2 }),
      await inventory.images({ repository, after: { repository, digest }, limit: 2 }),
      await inventory.images({ repository: undefined, after: { repository, digest }, limit: 2 }),
      await inventory.linked({ repository, kind: 'manifest', after: digest, limit: 2 }),
      await inventory.unlinked(digest, 2),
    ],
  }
  return actions[step.action]()
}

async function taken(inventory: Inventory, taking: Taking, atMs: number): Promise<Taken> {
  const taken = await inventory.take(taking, ({ usedAtMs }) => usedAtMs <= atMs)
  for (const contents of [taken.taken, taken.gone]) contents.sort(byDigest)
  taken.tags.sort((a, b) => (a.tag < b.tag ? -1 : 1))
  return taken
}

/** All that can be asked about the few repositories, contents and tags of the model. */
async function factsOf(inventory: Inventory): Promise<unknown[]> {
  const facts: unknown[] = [await inventory.totals(), await inventory.contents(undefined, 100)]
  for (const usage of ['once', 'again'] as const) {
    facts.push(await inventory.roots({ usage, after: undefined, limit: 100 }))
  }
  for (const content of contents) {
    const { digest } = content
    facts.push(await inventory.held(digest), await candidateOf(inventory, content))
    facts.push(await inventory.children(digest), await inventory.lineage(digest))
    facts.push(await inventory.isLinkedWithin(digest, 'docker.io'))
    facts.push(await inventory.repositoriesOf(digest), await inventory.heldBytes([digest]))
    for (const repository of repositories) {
      facts.push(await inventory.isLinked(digest, repository))
      facts.push(await inventory.referrers(digest, repository))
    }
  }
  for (const repository of [undefined, ...repositories]) {
    facts.push(await inventory.images({ repository, after: undefined, limit: 100 }))
    facts.push(await inventory.repositorySummaries({ after: repository, limit: 100 }))
  }
  for (const repository of repositories) {
    facts.push(await inventory.tags(repository), await inventory.tagRecords(repository))
    facts.push(await inventory.remembered(repository, 2))
    for (const kind of ['manifest', 'blob'] as const) {
      facts.push(await inventory.linked({ repository, kind, after: undefined, limit: 100 }))
    }
    for (const tag of tags) {
      facts.push(await inventory.tag(repository, tag), await inventory.history(repository, tag))
    }
  }
  facts.push(await inventory.waiting(), await inventory.freezes())
  facts.push(await inventory.unlinked(undefined, 100))
  return facts
}

function byDigest(a: Content, b: Content): number {
  return a.digest < b.digest ? -1 : 1
}
