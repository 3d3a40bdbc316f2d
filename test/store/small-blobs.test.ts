import { describe, expect, it } from 'vitest'
import { oneLayer } from '../../src/store/layers.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { SmallBlobs } from '../../src/store/small-blobs.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { blobStoreContract } from '../contract/blob-store-contract.ts'
import { quarantineContract } from '../contract/quarantine-contract.ts'
import { blobOf, bytesIn, putBytes } from '../support/blobs.ts'
import { FaultPlan } from '../support/fault-plan.ts'
import { FaultStore, type StoreOperation } from '../support/fault-store.ts'
import { fileStore } from '../support/file-store.ts'
import { bytesOf } from '../support/images.ts'

const KIB = 1024

async function subject() {
  const { spools, ...files } = await fileStore()
  const faults = new FaultPlan<StoreOperation>()
  const inner = new FaultStore(new MemoryStore(), faults)
  const store = new SmallBlobs(inner, oneLayer(inner))
  return { store, inner, spools, faults, [Symbol.asyncDispose]: files[Symbol.asyncDispose] }
}

blobStoreContract('SmallBlobs', subject)
quarantineContract('SmallBlobs', subject)

const bytes = bytesOf('config', 5_000)
const blob = blobOf(bytes)
const down = new StoreError('io', 'S3 is down')

describe('small blobs', () => {
  it('are read once, whole or in part', async () => {
    await using rig = await subject()
    await putBytes(rig.store, rig.spools, bytes)
    await bytesIn(rig.store, blob)
    rig.faults.failAlways('open', down)
    expect((await bytesIn(rig.store, blob))?.equals(bytes)).toBe(true)
    const part = await bytesIn(rig.store, blob, { first: 10, last: 19 })
    expect(part?.equals(bytes.subarray(10, 20))).toBe(true)
  })

  it('are kept as well when they were asked for from the first byte to the last', async () => {
    await using rig = await subject()
    await putBytes(rig.store, rig.spools, bytes)
    await bytesIn(rig.store, blob, { first: 0, last: 4_998 })
    await bytesIn(rig.store, blob, { first: 0, last: 4_999 })
    rig.faults.failAlways('open', down)
    expect((await bytesIn(rig.store, blob))?.equals(bytes)).toBe(true)
  })

  it('are those up to 64 KiB', async () => {
    await using rig = await subject()
    const larger = bytesOf('layer', 64 * KIB + 1)
    await putBytes(rig.store, rig.spools, larger)
    await bytesIn(rig.store, blobOf(larger))
    rig.faults.failAlways('open', down)
    await expect(bytesIn(rig.store, blobOf(larger))).rejects.toBe(down)
  })

  it('make room for others, the one first that was read longest ago', async () => {
    await using rig = await subject()
    const contents = Array.from({ length: 513 }, (_, index) => bytesOf(`${index}`, 64 * KIB))
    for (const content of contents) await putBytes(rig.store, rig.spools, content)
    for (const content of contents.slice(0, 512)) await bytesIn(rig.store, blobOf(content))
    await bytesIn(rig.store, blobOf(contents[0]!))
    await bytesIn(rig.store, blobOf(contents[512]!))
    rig.faults.failAlways('open', down)
    expect((await bytesIn(rig.store, blobOf(contents[0]!)))?.equals(contents[0]!)).toBe(true)
    await expect(bytesIn(rig.store, blobOf(contents[1]!))).rejects.toBe(down)
  })

  it('are not kept when they were deleted while they were read', async () => {
    await using rig = await subject()
    await putBytes(rig.store, rig.spools, bytes)
    const held = rig.faults.block('read', 1)
    const reading = bytesIn(rig.store, blob)
    await held.reached
    await rig.store.delete([blob.digest])
    held.release()
    expect((await reading)?.equals(bytes)).toBe(true)
    expect(await rig.store.open(blob.digest)).toBeUndefined()
  })

  it('are not kept when they are wrong, and go with the copies of what is looked at again', async () => {
    await using rig = await subject()
    const { store, inner, spools, faults } = rig
    await using spool = await spools.create(blob.digest)
    await spool.append(bytesOf('other', 5_000))
    await inner.put(blob, spool, new AbortController().signal)
    expect((await bytesIn(store, blob))?.equals(bytes)).toBe(false)
    await putBytes(inner, spools, bytes)
    expect((await bytesIn(store, blob))?.equals(bytes)).toBe(true)
    await store.layers.copies.delete([blob.digest])
    faults.failAlways('open', down)
    await expect(bytesIn(store, blob)).rejects.toBe(down)
  })
})
