import { setImmediate } from 'node:timers/promises'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import type { BlobStore } from '../../src/store/blob-store.ts'
import type { SpoolFolder } from '../../src/store/spool.ts'
import { readAll } from '../../src/util/byte-reader.ts'
import { blobOf, byDigest, bytesIn, putBytes, spoolOf, statsOf } from '../support/blobs.ts'
import { bytesOf } from '../support/images.ts'

export interface BlobStoreSubject extends AsyncDisposable {
  store: BlobStore
  spools: SpoolFolder
}

const bytes = bytesOf('blob', 200_000)
const blob = blobOf(bytes)
const { digest } = blob

/** What every BlobStore keeps. */
export function blobStoreContract(name: string, make: () => Promise<BlobStoreSubject>): void {
  describe(`${name} is a blob store`, () => {
    it('knows nothing of what was never put', async () => {
      await using subject = await make()
      expect(await subject.store.stat(digest)).toBeUndefined()
      expect(await subject.store.open(digest)).toBeUndefined()
      expect(await statsOf(subject.store)).toEqual([])
      await subject.store.delete([digest])
    })

    it('gives back what was put, with its size, and lists it', async () => {
      await using subject = await make()
      const { store, spools } = subject
      await putBytes(store, spools, bytes)
      expect(await store.stat(digest)).toEqual({ digest, sizeBytes: bytes.length })
      expect((await bytesIn(store, blob))?.equals(bytes)).toBe(true)
      expect(await statsOf(store)).toEqual([{ digest, sizeBytes: bytes.length }])
    })

    it('takes the empty blob', async () => {
      await using subject = await make()
      const { store, spools } = subject
      const empty = await putBytes(store, spools, Buffer.alloc(0))
      expect(await store.stat(empty.digest)).toEqual({ digest: empty.digest, sizeBytes: 0 })
      expect(await bytesIn(store, empty)).toEqual(Buffer.alloc(0))
    })

    it('takes sha512 content', async () => {
      await using subject = await make()
      const { store, spools } = subject
      const descriptor = { ...blob, digest: digestOf(bytes, 'sha512') }
      await using spool = await spoolOf(spools, bytes)
      await store.put(descriptor, spool, new AbortController().signal)
      expect((await bytesIn(store, descriptor))?.equals(bytes)).toBe(true)
      expect(await store.stat(digest)).toBeUndefined()
      expect(await statsOf(store)).toHaveLength(1)
    })

    it('gives any range, and the size of the whole with it', async () => {
      await using subject = await make()
      const { store, spools } = subject
      await putBytes(store, spools, bytes)
      const last = bytes.length - 1
      for (const range of [
        { first: 0, last: 0 },
        { first: 0, last },
        { first: last, last },
        { first: 70_000, last: 140_000 },
      ]) {
        const part = await bytesIn(store, blob, range)
        expect(part?.equals(bytes.subarray(range.first, range.last + 1))).toBe(true)
      }
      await using reader = await store.open(digest, { first: 5, last: 6 })
      expect(reader?.sizeBytes).toBe(bytes.length)
    })

    it('serves many readers at once', async () => {
      await using subject = await make()
      const { store, spools } = subject
      await putBytes(store, spools, bytes)
      const copies = await Promise.all(Array.from({ length: 50 }, () => bytesIn(store, blob)))
      expect(copies.every((copy) => copy?.equals(bytes))).toBe(true)
    })

    it('keeps an open reader good through delete and another put', async () => {
      await using subject = await make()
      const { store, spools } = subject
      await putBytes(store, spools, bytes)
      await using reader = await store.open(digest)
      const start = Buffer.alloc(10)
      await reader!.read(start)
      await store.delete([digest])
      expect(await store.open(digest)).toBeUndefined()
      await putBytes(store, spools, bytes)
      await putBytes(store, spools, bytes)
      const rest = await readAll(reader!, bytes.length)
      expect(Buffer.concat([start, rest]).equals(bytes)).toBe(true)
    })

    it('changes nothing when the same is put again', async () => {
      await using subject = await make()
      const { store, spools } = subject
      await putBytes(store, spools, bytes)
      await putBytes(store, spools, bytes)
      expect(await statsOf(store)).toEqual([{ digest, sizeBytes: bytes.length }])
      expect((await bytesIn(store, blob))?.equals(bytes)).toBe(true)
    })

    it('takes the same digest from several puts at once', async () => {
      await using subject = await make()
      const { store, spools } = subject
      await Promise.all(Array.from({ length: 8 }, () => putBytes(store, spools, bytes)))
      expect(await statsOf(store)).toEqual([{ digest, sizeBytes: bytes.length }])
      expect((await bytesIn(store, blob))?.equals(bytes)).toBe(true)
    })

    it('shows the blob whole or not at all while it is being put', async () => {
      await using subject = await make()
      const { store, spools } = subject
      const ended = new AbortController()
      const putting = putBytes(store, spools, bytes).finally(() => ended.abort())
      while (!ended.signal.aborted) {
        const seen = await bytesIn(store, blob)
        expect(seen === undefined || seen.equals(bytes)).toBe(true)
        await setImmediate()
      }
      await putting
      expect((await bytesIn(store, blob))?.equals(bytes)).toBe(true)
    })

    it('lists in order of digest', async () => {
      await using subject = await make()
      const { store, spools } = subject
      const contents = Array.from({ length: 20 }, (_, index) => bytesOf(`listed ${index}`, 10))
      for (const content of contents) await putBytes(store, spools, content)
      const descriptor = { ...blob, digest: digestOf(bytes, 'sha512') }
      await using spool = await spoolOf(spools, bytes)
      await store.put(descriptor, spool, new AbortController().signal)
      const listed = (await Array.fromAsync(store.list())).map((stat) => stat.digest)
      const digests = [...contents.map((content) => digestOf(content)), descriptor.digest]
      expect(listed).toEqual(digests.sort())
    })

    it('deletes many at once, and does not mind those that it never had', async () => {
      await using subject = await make()
      const { store, spools } = subject
      const [kept, ...others] = ['a', 'b', 'c'].map((seed) => bytesOf(seed, 10))
      for (const content of [kept!, ...others]) await putBytes(store, spools, content)
      const digests = [...others, bytes].map((content) => digestOf(content))
      expect(await store.delete(digests)).toEqual([])
      expect(await statsOf(store)).toEqual([{ digest: digestOf(kept!), sizeBytes: 10 }])
      expect(await store.delete([])).toEqual([])
    })

    it('leaves the spool readable after it was put', async () => {
      await using subject = await make()
      const { store, spools } = subject
      await using spool = await spoolOf(spools, bytes)
      await store.put(blob, spool, new AbortController().signal)
      await store.delete([digest])
      const copy = Buffer.alloc(100)
      expect(await spool.readAt(copy, 1_000)).toBe(100)
      expect(copy.equals(bytes.subarray(1_000, 1_100))).toBe(true)
    })

    it('leaves nothing behind when a put is aborted before it starts', async () => {
      await using subject = await make()
      const { store, spools } = subject
      const reason = new Error('gone')
      const aborted = AbortSignal.abort(reason)
      await expect(putBytes(store, spools, bytes, aborted)).rejects.toBe(reason)
      expect(await store.stat(digest)).toBeUndefined()
      expect(await statsOf(store)).toEqual([])
    })

    it('leaves nothing behind when a put is aborted on its way', async () => {
      await using subject = await make()
      const { store, spools } = subject
      const controller = new AbortController()
      const reason = new Error('gone')
      await using spool = await spoolOf(spools, bytes)
      const putting = store.put(blob, spool, controller.signal)
      controller.abort(reason)
      await expect(putting).rejects.toBe(reason)
      expect(await store.stat(digest)).toBeUndefined()
      expect(await statsOf(store)).toEqual([])
    })

    it('refuses a spool of another size than the descriptor', async () => {
      await using subject = await make()
      const { store, spools } = subject
      await using spool = await spoolOf(spools, bytes.subarray(1))
      const putting = store.put(blob, spool, new AbortController().signal)
      await expect(putting).rejects.toMatchObject({ name: 'StoreError', kind: 'corrupt' })
      expect(await store.stat(digest)).toBeUndefined()
    })

    it('behaves as a map from digest to bytes', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
          await using subject = await make()
          const { store, spools } = subject
          const model = new Map<Digest, Buffer>()
          for (const { action, which } of operations) {
            const content = contents[which]!
            if (action === 'put') {
              await putBytes(store, spools, content)
              model.set(digestOf(content), content)
            } else {
              await store.delete([digestOf(content)])
              model.delete(digestOf(content))
            }
            expect(await bytesIn(store, blobOf(content))).toEqual(model.get(digestOf(content)))
          }
          const stats = [...model].map(([digest, { length }]) => ({ digest, sizeBytes: length }))
          expect(await statsOf(store)).toEqual(stats.sort(byDigest))
        }),
        { numRuns: 20 },
      )
    })
  })
}

const contents = [0, 1, 10, 100, 1_000].map((length) => bytesOf('content', length))

const operation = fc.record({
  action: fc.constantFrom('put', 'delete'),
  which: fc.nat({ max: contents.length - 1 }),
})
