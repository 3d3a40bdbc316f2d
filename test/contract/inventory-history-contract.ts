import { describe, expect, it } from 'vitest'
import { type Content, type Inventory, MAX_SIGHTINGS } from '../../src/inventory/inventory.ts'
import type { Tag } from '../../src/oci/reference.ts'
import { alpine, descriptorOf, elsewhere, manifestOf, node } from '../support/contents.ts'

const [old, young, newest] = [manifestOf('old'), manifestOf('young'), manifestOf('newest')]
const latest = 'latest' as Tag

/** Upstream says `seen` at a time, and the tag is served as `served`. */
function see(inventory: Inventory, seen: Content, served: Content, checkedAtMs: number) {
  const record = { descriptor: descriptorOf(served), checkedAtMs }
  return inventory.seeTag(alpine, latest, descriptorOf(seen), record)
}

function sighting(seen: Content, firstSeenMs: number, lastSeenMs: number, servedSinceMs?: number) {
  return { descriptor: descriptorOf(seen), firstSeenMs, lastSeenMs, servedSinceMs }
}

/** What every Inventory keeps of the past of tags; `make` gives an empty one. */
export function inventoryHistoryContract(name: string, make: () => Promise<Inventory>): void {
  describe(`${name} keeps histories of tags`, () => {
    it('with each digest once, what was seen last first', async () => {
      await using inventory = await make()
      expect(await inventory.history(alpine, latest)).toEqual([])
      await see(inventory, old, old, 1_000)
      await see(inventory, young, young, 2_000)
      await see(inventory, young, young, 3_000)
      await see(inventory, old, old, 4_000)
      expect(await inventory.history(alpine, latest)).toEqual([
        sighting(old, 1_000, 4_000, 1_000),
        sighting(young, 2_000, 3_000, 2_000),
      ])
      expect(await inventory.tag(alpine, latest)).toEqual({
        descriptor: descriptorOf(old),
        checkedAtMs: 4_000,
      })
      for (const other of [node, elsewhere]) {
        expect(await inventory.history(other, latest)).toEqual([])
      }
      expect(await inventory.history(alpine, '3' as Tag)).toEqual([])
      expect(await inventory.waiting()).toEqual([])
    })

    it('with who has said so last, where that is known', async () => {
      await using inventory = await make()
      const say = (atMs: number, by?: string) => {
        const record = { descriptor: descriptorOf(old), checkedAtMs: atMs }
        return inventory.seeTag(alpine, latest, descriptorOf(old), record, by)
      }
      await say(1_000, 'alice')
      expect(await inventory.history(alpine, latest)).toMatchObject([{ by: 'alice' }])
      await say(2_000)
      expect(await inventory.history(alpine, latest)).toMatchObject([{ by: undefined }])
    })

    it('and remembers of each tag on record what was seen last', async () => {
      await using inventory = await make()
      for (const [index, content] of [old, young, newest].entries()) {
        await see(inventory, content, content, 1_000 * index)
      }
      const digests = [young.digest, newest.digest].sort()
      const remembered = digests.map((digest) => ({ tag: latest, digest }))
      expect(await inventory.remembered(alpine, 2)).toEqual(remembered)
      expect(await inventory.remembered(node, 2)).toEqual([])
      await inventory.dropTag(alpine, latest)
      expect(await inventory.remembered(alpine, 2)).toEqual([])
    })

    it('with what waits, until it is served or upstream says something else', async () => {
      await using inventory = await make()
      await see(inventory, old, old, 1_000)
      await see(inventory, young, old, 2_000)
      const waiting = { repository: alpine, tag: latest, served: old.digest }
      const first = sighting(young, 2_000, 2_000)
      expect(await inventory.waiting()).toEqual([{ ...waiting, sighting: first }])
      expect(await inventory.tag(alpine, latest)).toMatchObject({ descriptor: descriptorOf(old) })
      await see(inventory, newest, old, 3_000)
      const second = sighting(newest, 3_000, 3_000)
      expect(await inventory.waiting()).toEqual([{ ...waiting, sighting: second }])
      await see(inventory, old, old, 4_000)
      expect(await inventory.waiting()).toEqual([])
      await see(inventory, young, young, 5_000)
      expect(await inventory.waiting()).toEqual([])
      expect(await inventory.history(alpine, latest)).toEqual([
        sighting(young, 2_000, 5_000, 5_000),
        sighting(old, 1_000, 4_000, 1_000),
        second,
      ])
    })

    it('that outlive the tag, its content and what is forgotten of it', async () => {
      await using inventory = await make()
      await inventory.record(old, [], alpine)
      await see(inventory, old, old, 1_000)
      await see(inventory, young, old, 2_000)
      await inventory.evict(old.digest, () => true)
      expect(await inventory.tag(alpine, latest)).toBeUndefined()
      await inventory.forget(old.digest)
      await inventory.dropTag(alpine, latest)
      const waits = sighting(young, 2_000, 2_000)
      expect(await inventory.history(alpine, latest)).toEqual([
        waits,
        sighting(old, 1_000, 1_000, 1_000),
      ])
      expect(await inventory.waiting()).toEqual([
        { repository: alpine, tag: latest, sighting: waits, served: undefined },
      ])
    })

    it('that are bounded, and still know what was served last', async () => {
      await using inventory = await make()
      await see(inventory, old, old, 1)
      for (let atMs = 2; atMs <= MAX_SIGHTINGS + 10; atMs++) {
        await see(inventory, manifestOf(`nightly ${atMs}`), old, atMs)
      }
      const history = await inventory.history(alpine, latest)
      expect(history).toHaveLength(MAX_SIGHTINGS + 1)
      expect(history[0]).toMatchObject({ firstSeenMs: MAX_SIGHTINGS + 10 })
      expect(history.at(-1)).toEqual(sighting(old, 1, 1, 1))
    })

    it('as long as the tag is on record, or was seen lately', async () => {
      await using inventory = await make()
      await see(inventory, old, old, 1_000)
      await see(inventory, young, young, 2_000)
      await inventory.dropHistories(9_000)
      expect(await inventory.history(alpine, latest)).toHaveLength(2)
      await inventory.dropTag(alpine, latest)
      await inventory.dropHistories(2_000)
      expect(await inventory.history(alpine, latest)).toEqual([
        sighting(young, 2_000, 2_000, 2_000),
      ])
      await inventory.dropHistories(2_001)
      expect(await inventory.history(alpine, latest)).toEqual([])
    })

    it('and freezes, one a tag, which outlive the tag too', async () => {
      await using inventory = await make()
      const freeze = {
        repository: alpine,
        tag: latest,
        descriptor: descriptorOf(old),
        createdAtMs: 1_000,
      }
      const other = { ...freeze, repository: elsewhere }
      const again = { ...freeze, descriptor: descriptorOf(young), createdAtMs: 2_000 }
      for (const one of [other, freeze, again]) await inventory.putFreeze(one)
      expect(await inventory.freezes()).toEqual([again, other])
      await inventory.dropTag(alpine, latest)
      await inventory.dropFreeze(node, latest)
      await inventory.dropFreeze(elsewhere, latest)
      await inventory.dropFreeze(elsewhere, latest)
      expect(await inventory.freezes()).toEqual([again])
    })
  })
}
