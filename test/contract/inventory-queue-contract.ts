import { describe, expect, it } from 'vitest'
import type { QueuedEvent } from '../../src/inventory/queued-event.ts'
import type { Inventory } from '../../src/inventory/inventory.ts'

function queued(webhook: string, position: number): QueuedEvent {
  return { webhook, position, event: JSON.stringify({ position }) }
}

/** What every Inventory keeps for webhooks; `make` gives an empty one. */
export function inventoryQueueContract(name: string, make: () => Promise<Inventory>): void {
  describe(`${name} keeps the queues of webhooks`, () => {
    it('each by itself, in order of position', async () => {
      await using inventory = await make()
      expect(await inventory.eventQueues()).toEqual([])
      expect(await inventory.queuedEvents('b', 10)).toEqual([])
      await inventory.queueEvents([queued('b', 1), queued('a', 7), queued('b', 2)])
      await inventory.queueEvents([queued('b', 10)])
      expect(await inventory.queuedEvents('b', 2)).toEqual([queued('b', 1), queued('b', 2)])
      expect(await inventory.queuedEvents('a', 9)).toEqual([queued('a', 7)])
      expect(await inventory.eventQueues()).toEqual([
        { webhook: 'a', count: 1, lastPosition: 7 },
        { webhook: 'b', count: 3, lastPosition: 10 },
      ])
    })

    it('without those up to a position that was dropped', async () => {
      await using inventory = await make()
      await inventory.queueEvents([1, 2, 3].map((position) => queued('b', position)))
      await inventory.queueEvents([queued('a', 1)])
      expect(await inventory.dropEvents('b', 2)).toBe(2)
      expect(await inventory.dropEvents('b', 2)).toBe(0)
      expect(await inventory.queuedEvents('b', 10)).toEqual([queued('b', 3)])
      expect(await inventory.dropEvents('b', 3)).toBe(1)
      expect(await inventory.eventQueues()).toEqual([{ webhook: 'a', count: 1, lastPosition: 1 }])
    })

    it('however many come at once', async () => {
      await using inventory = await make()
      const many = Array.from({ length: 2_500 }, (_, index) => queued('a', index + 1))
      await inventory.queueEvents(many)
      await inventory.queueEvents([])
      expect(await inventory.queuedEvents('a', 5_000)).toEqual(many)
    })
  })
}
