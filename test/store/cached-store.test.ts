import { utimes } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import type { Digest } from '../../src/oci/digest.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { readAll } from '../../src/util/byte-reader.ts'
import { blobStoreContract } from '../contract/blob-store-contract.ts'
import { quarantineContract } from '../contract/quarantine-contract.ts'
import { blobOf, byDigest, bytesIn, putBytes, statsOf } from '../support/blobs.ts'
import { blobPath, damages } from '../support/damage.ts'
import { bytesOf } from '../support/images.ts'
import { cachedStore, type CachedStoreRig } from './cached-store-rig.ts'

blobStoreContract('CachedStore', () => cachedStore())
blobStoreContract('CachedStore that has no room', () => cachedStore({ maxBytes: 10 }))
blobStoreContract('CachedStore on a disk that is full', async () => {
  const rig = await cachedStore({ minFreeBytes: 1_000 })
  rig.disk.freeBytes = 0
  return rig
})
blobStoreContract('CachedStore whose files fail', async () => {
  const rig = await cachedStore()
  rig.copying.failAlways('create', new StoreError('io', 'broken'))
  return rig
})
quarantineContract('CachedStore', () => cachedStore())

const bytes = bytesOf('read', 100_000)
const blob = blobOf(bytes)
const { digest } = blob
const down = new StoreError('io', 'S3 is down')
const full = new StoreError('no-space', 'full')

/** As after a loss of the local disk: the blob is there, but no copy. */
async function withoutCopy(options: Parameters<typeof cachedStore>[0] = {}) {
  const rig = await cachedStore(options)
  await putBytes(rig.store, rig.spools, bytes)
  await rig.cache.drop(digest)
  return rig
}

async function readsWell({ store }: CachedStoreRig): Promise<boolean> {
  return (await bytesIn(store, blob))?.equals(bytes) ?? false
}

async function copiesIn({ files }: CachedStoreRig): Promise<Digest[]> {
  return (await statsOf(files)).map((stat) => stat.digest)
}

describe('a read cache', () => {
  it('serves what was just put, when the original cannot be had', async () => {
    await using rig = await cachedStore()
    await putBytes(rig.store, rig.spools, bytes)
    rig.originals.failAlways('open', down)
    expect(await readsWell(rig)).toBe(true)
    const part = await bytesIn(rig.store, blob, { first: 50_000, last: 50_009 })
    expect(part?.equals(bytes.subarray(50_000, 50_010))).toBe(true)
    expect(rig.events.copyReads()).toEqual({ hits: 2, misses: 0 })
  })

  it('keeps nothing of what could not be put', async () => {
    await using rig = await cachedStore()
    rig.originals.failAlways('put', down)
    await expect(putBytes(rig.store, rig.spools, bytes)).rejects.toBe(down)
    expect(await copiesIn(rig)).toEqual([])
    expect(rig.cache.stats).toMatchObject({ bytes: 0, entries: 0 })
  })

  it('copies what is read once, however many read it', async () => {
    await using rig = await withoutCopy()
    const held = rig.copying.block('append', 1)
    const reads = await Promise.all(Array.from({ length: 20 }, () => readsWell(rig)))
    expect(reads).toEqual(Array.from({ length: 20 }, () => true))
    await held.reached
    expect(await readsWell(rig)).toBe(true)
    held.release()
    await rig.store.copied()
    expect(rig.copying.calls('create')).toBe(1)
    rig.originals.failAlways('open', down)
    expect(await readsWell(rig)).toBe(true)
    expect(rig.events.copyReads()).toEqual({ hits: 1, misses: 21 })
  })

  it('makes no more than two copies at a time', async () => {
    await using rig = await cachedStore()
    const contents = Array.from({ length: 5 }, (_, index) => bytesOf(`content ${index}`, 1_000))
    for (const content of contents) await putBytes(rig.store, rig.spools, content)
    for (const content of contents) await rig.cache.drop(blobOf(content).digest)
    const first = rig.copying.block('create', 1)
    const second = rig.copying.block('create', 2)
    for (const content of contents) await bytesIn(rig.store, blobOf(content))
    await Promise.all([first.reached, second.reached])
    expect(rig.copying.calls('create')).toBe(2)
    first.release()
    second.release()
    await rig.store.copied()
    expect(rig.cache.stats.entries).toBe(5)
  })

  it('leaves alone what is larger than a quarter of it', async () => {
    await using rig = await cachedStore({ maxBytes: 4 * bytes.length - 1 })
    await putBytes(rig.store, rig.spools, bytes)
    expect(await readsWell(rig)).toBe(true)
    await rig.store.copied()
    expect(await copiesIn(rig)).toEqual([])
  })

  it('lets go of what was read longest ago', async () => {
    await using rig = await cachedStore({ maxBytes: 4_000 })
    const contents = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => bytesOf(name, 1_000))
    const blobs = contents.map((content) => blobOf(content))
    for (const content of contents.slice(0, 4)) await putBytes(rig.store, rig.spools, content)
    await bytesIn(rig.store, blobs[0]!)
    for (const content of contents.slice(4)) await putBytes(rig.store, rig.spools, content)
    const kept = [0, 3, 4, 5].map((index) => blobs[index]!.digest).sort()
    expect(await copiesIn(rig)).toEqual(kept)
    expect(rig.cache.stats).toEqual({ bytes: 4_000, entries: 4, maxBytes: 4_000 })
  })

  it('knows after a restart what is there, and what was read longest ago', async () => {
    await using rig = await cachedStore({ maxBytes: 4_000 })
    const contents = ['a', 'b', 'c', 'd'].map((name) => bytesOf(name, 1_000))
    const digests = contents.map((content) => blobOf(content).digest)
    for (const content of contents) await putBytes(rig.store, rig.spools, content)
    for (const [index, readAtS] of [30, 10, 40, 20].entries()) {
      await utimes(blobPath(rig.folder, digests[index]!), readAtS, readAtS)
    }
    const again = await rig.again()
    expect(again.cache.stats).toMatchObject({ bytes: 4_000, entries: 4 })
    await putBytes(again.store, again.spools, bytesOf('e', 1_000))
    expect(digests.map((one) => again.cache.has(one))).toEqual([true, false, true, true])
  })

  it('gives a reader that is open all of what it lets go', async () => {
    await using rig = await cachedStore()
    await putBytes(rig.store, rig.spools, bytes)
    await using reader = await rig.store.open(digest)
    await reader!.read(Buffer.alloc(10))
    await rig.cache.drop(digest)
    rig.originals.failAlways('open', down)
    const rest = Buffer.from(await readAll(reader!, bytes.length))
    expect(rest.equals(bytes.subarray(10))).toBe(true)
  })

  it.each(['cut', 'lose'] as const)('goes on from the original of a copy: %s', async (damage) => {
    await using rig = await cachedStore()
    await putBytes(rig.store, rig.spools, bytes)
    await damages[damage](rig.folder, digest)
    expect(await readsWell(rig)).toBe(true)
    expect(rig.cache.has(digest)).toBe(false)
    await rig.store.copied()
    expect(rig.cache.has(digest)).toBe(true)
    expect(await readsWell(rig)).toBe(true)
    expect(rig.events.copyReads()).toEqual({ hits: 1, misses: 1 })
  })

  it('goes on from the original in the middle of a copy that is cut', async () => {
    await using rig = await cachedStore()
    await putBytes(rig.store, rig.spools, bytes)
    await using reader = await rig.store.open(digest, { first: 5, last: 89_999 })
    const start = Buffer.alloc(10)
    await reader!.read(start)
    await damages.cut(rig.folder, digest)
    const rest = await readAll(reader!, bytes.length)
    expect(Buffer.concat([start, rest]).equals(bytes.subarray(5, 90_000))).toBe(true)
    expect(rig.cache.has(digest)).toBe(false)
    expect(rig.lines).toEqual(['copy failed'])
  })

  it('takes no copy whose bytes are wrong, or that cannot be read', async () => {
    await using rig = await withoutCopy()
    await readsWell(rig)
    rig.originals.fail('read', rig.originals.calls('read') + 1, down)
    await rig.store.copied()
    expect(await copiesIn(rig)).toEqual([])
    expect(rig.lines).toEqual(['copy failed'])
    // What the original is to blame for does not keep from trying again.
    expect(await readsWell(rig)).toBe(true)
    await rig.store.copied()
    expect(await copiesIn(rig)).toEqual([digest])
  })

  it('takes no copy of what is deleted while it is copied', async () => {
    await using rig = await withoutCopy()
    const held = rig.copying.block('append', 1)
    await readsWell(rig)
    await held.reached
    await rig.store.delete([digest])
    held.release()
    await rig.store.copied()
    expect(await rig.store.open(digest)).toBeUndefined()
    expect(await copiesIn(rig)).toEqual([])
  })

  it('says once that the disk is full, and takes copies again when it is not', async () => {
    await using rig = await withoutCopy()
    rig.copying.failAlways('append', full)
    for (let pause = 0; pause < 3; pause++) {
      expect(await readsWell(rig)).toBe(true)
      await rig.store.copied()
      expect(await readsWell(rig)).toBe(true)
      await rig.store.copied()
      rig.clock.advance(600_000)
    }
    // One in each pause, of which none was tried in between.
    expect(rig.copying.calls('append')).toBe(3)
    expect(rig.lines).toEqual(['read cache takes nothing new'])
    rig.copying.recover('append')
    await readsWell(rig)
    await rig.store.copied()
    expect(await copiesIn(rig)).toEqual([digest])
    expect(rig.lines).toEqual(['read cache takes nothing new', 'read cache goes on'])
  })

  it('leaves of the disk what is to stay free, its own copies first', async () => {
    await using rig = await cachedStore({ minFreeBytes: 10_000 })
    const [cold, warm, next] = ['cold', 'warm', 'next'].map((name) => bytesOf(name, 1_000))
    await putBytes(rig.store, rig.spools, cold!)
    await putBytes(rig.store, rig.spools, warm!)
    rig.disk.freeBytes = 10_100
    await putBytes(rig.store, rig.spools, next!)
    const kept = [warm!, next!].map((content) => blobOf(content))
    expect((await statsOf(rig.files)).map((stat) => stat.digest)).toEqual(
      kept.sort(byDigest).map((one) => one.digest),
    )
    rig.disk.freeBytes = 1_000
    await putBytes(rig.store, rig.spools, cold!)
    expect(rig.cache.stats.entries).toBe(2)
    expect(rig.lines).toEqual(['read cache takes nothing new'])
  })

  it('is no layer of the originals, and neither counts who looks at a layer as a reader', async () => {
    await using rig = await withoutCopy({ maxBytes: 4 * bytes.length })
    const { originals, copies } = rig.store.layers
    expect((await bytesIn(originals, blob))?.equals(bytes)).toBe(true)
    await rig.store.copied()
    expect(await bytesIn(copies, blob)).toBeUndefined()
    for (const content of [bytes, ...['b', 'c', 'd'].map((name) => bytesOf(name, bytes.length))]) {
      await putBytes(rig.store, rig.spools, content)
    }
    await damages.flip(rig.folder, digest)
    expect((await bytesIn(copies, blob))?.equals(bytes)).toBe(false)
    expect((await bytesIn(originals, blob))?.equals(bytes)).toBe(true)
    await putBytes(rig.store, rig.spools, bytesOf('e', bytes.length))
    expect(rig.cache.has(digest)).toBe(false)
    expect(rig.events.copyReads()).toEqual({ hits: 0, misses: 0 })
  })

  it.each(['open', 'read'] as const)('waits for no %s when the store is closed', async (stuck) => {
    const rig = await withoutCopy()
    const creating = rig.copying.block('create', 1)
    // The reader opens first, then who copies.
    const opening = rig.originals.block('open', 2)
    await readsWell(rig)
    await opening.reached
    const reading = rig.originals.block('read', rig.originals.calls('read') + 1)
    if (stuck === 'read') {
      opening.release()
      creating.release()
      await reading.reached
    }
    await rig[Symbol.asyncDispose]()
    expect(rig.lines).toEqual([])
  })
})
