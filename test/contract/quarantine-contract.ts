import { describe, expect, it } from 'vitest'
import type { BlobStore } from '../../src/store/blob-store.ts'
import type { Quarantine } from '../../src/store/quarantine.ts'
import { readAll } from '../../src/util/byte-reader.ts'
import { blobOf, bytesIn, putBytes, statsOf } from '../support/blobs.ts'
import { bytesOf } from '../support/images.ts'
import type { BlobStoreSubject } from './blob-store-contract.ts'

export interface QuarantineSubject extends BlobStoreSubject {
  store: BlobStore & Quarantine
}

const bytes = bytesOf('bad', 50_000)
const blob = blobOf(bytes)
const { digest, sizeBytes } = blob
const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

/** What every store keeps that can set blobs aside. */
export function quarantineContract(name: string, make: () => Promise<QuarantineSubject>): void {
  describe(`${name} has a quarantine`, () => {
    it('that is empty at first', async () => {
      await using subject = await make()
      expect(await asideIn(subject.store)).toEqual([])
      await subject.store.dropQuarantined(digest)
    })

    it('where a blob is out of the store, with its size and since when', async () => {
      await using subject = await make()
      const { store, spools } = subject
      const other = await putBytes(store, spools, bytesOf('good', 100))
      await putBytes(store, spools, bytes)
      expect(await store.quarantine(digest, nowMs)).toBe(true)
      expect(await store.stat(digest)).toBeUndefined()
      expect(await store.open(digest)).toBeUndefined()
      expect(await statsOf(store)).toEqual([{ digest: other.digest, sizeBytes: 100 }])
      expect(await asideIn(store)).toEqual([{ digest, sizeBytes, sinceMs: nowMs }])
    })

    it('that takes nothing of what the store does not have', async () => {
      await using subject = await make()
      expect(await subject.store.quarantine(digest, nowMs)).toBe(false)
      expect(await asideIn(subject.store)).toEqual([])
    })

    it('that leaves open readers good, and the digest free to be put again', async () => {
      await using subject = await make()
      const { store, spools } = subject
      await putBytes(store, spools, bytes)
      await using reader = await store.open(digest)
      await store.quarantine(digest, nowMs)
      await putBytes(store, spools, bytes)
      expect(Buffer.from(await readAll(reader!, sizeBytes)).equals(bytes)).toBe(true)
      expect((await bytesIn(store, blob))?.equals(bytes)).toBe(true)
      expect(await asideIn(store)).toHaveLength(1)
    })

    it('that keeps the later bytes of the same digest', async () => {
      await using subject = await make()
      const { store, spools } = subject
      for (const later of [0, 1, 2]) {
        await putBytes(store, spools, bytes)
        await store.quarantine(digest, nowMs + later)
      }
      expect(await asideIn(store)).toEqual([{ digest, sizeBytes, sinceMs: nowMs + 2 }])
    })

    it('that one of several callers at once puts it into', async () => {
      await using subject = await make()
      const { store, spools } = subject
      await putBytes(store, spools, bytes)
      const calls = [1, 2, 3, 4].map(() => store.quarantine(digest, nowMs))
      expect((await Promise.all(calls)).filter((isTaken) => isTaken)).toEqual([true])
      expect(await asideIn(store)).toHaveLength(1)
    })

    it('that gives up what is dropped, and nothing of the store', async () => {
      await using subject = await make()
      const { store, spools } = subject
      await putBytes(store, spools, bytes)
      await store.quarantine(digest, nowMs)
      await putBytes(store, spools, bytes)
      await store.dropQuarantined(digest)
      await store.dropQuarantined(digest)
      expect(await asideIn(store)).toEqual([])
      expect(await store.stat(digest)).toEqual({ digest, sizeBytes })
    })
  })
}

function asideIn(store: Quarantine) {
  return Array.fromAsync(store.quarantined())
}
