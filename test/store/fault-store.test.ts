import { describe, expect, it } from 'vitest'
import { StoreError } from '../../src/store/store-error.ts'
import { blobStoreContract } from '../contract/blob-store-contract.ts'
import { spoolContract } from '../contract/spool-contract.ts'
import { blobOf, bytesIn, putBytes, spoolOf } from '../support/blobs.ts'
import { FaultPlan } from '../support/fault-plan.ts'
import {
  FaultSpoolFolder,
  FaultStore,
  type SpoolOperation,
  type StoreOperation,
} from '../support/fault-store.ts'
import { fileStore } from '../support/file-store.ts'
import { bytesOf } from '../support/images.ts'

blobStoreContract('FaultStore without faults', faulty)

spoolContract('FaultSpoolFolder without faults', async () => {
  const files = await fileStore()
  const spools = new FaultSpoolFolder(files.spools, new FaultPlan())
  return { ...files, spools, elsewhere: files.folder }
})

const bytes = bytesOf('fault', 10_000)
const full = new StoreError('no-space', 'full')

describe('planned faults', () => {
  it('fail the call they name and let the others pass', async () => {
    await using subject = await faulty()
    const { store, spools, storeFaults, spoolFaults } = subject
    storeFaults.fail('put', 2, full)
    spoolFaults.fail('append', 3, full)
    const blob = await putBytes(store, spools, bytes)
    await expect(putBytes(store, spools, bytes)).rejects.toBe(full)
    await expect(putBytes(store, spools, bytes)).rejects.toBe(full)
    await putBytes(store, spools, bytes)
    expect((await bytesIn(store, blob))?.equals(bytes)).toBe(true)
    expect(storeFaults.calls('put')).toBe(3)
  })

  it('fail a reader in the middle', async () => {
    await using subject = await faulty()
    const { store, spools, storeFaults } = subject
    const { digest } = await putBytes(store, spools, bytes)
    storeFaults.fail('read', 2, full)
    await using reader = await store.open(digest)
    expect(await reader!.read(Buffer.alloc(100))).toBe(100)
    await expect(reader!.read(Buffer.alloc(100))).rejects.toBe(full)
  })

  it('last until the plan recovers', async () => {
    await using subject = await faulty()
    const { store, spools, spoolFaults } = subject
    spoolFaults.failAlways('create', full)
    await expect(putBytes(store, spools, bytes)).rejects.toBe(full)
    await expect(putBytes(store, spools, bytes)).rejects.toBe(full)
    spoolFaults.recover('create')
    await putBytes(store, spools, bytes)
  })

  it('hold a call until it is released', async () => {
    await using subject = await faulty()
    const { store, spools, storeFaults } = subject
    const gate = storeFaults.block('put', 1)
    const putting = putBytes(store, spools, bytes)
    await gate.reached
    expect(await store.stat(blobOf(bytes).digest)).toBeUndefined()
    gate.release()
    await putting
    expect(await store.stat(blobOf(bytes).digest)).toBeDefined()
  })

  it('let a put that is held be aborted', async () => {
    await using subject = await faulty()
    const { store, spools, storeFaults } = subject
    const gate = storeFaults.block('put', 1)
    const controller = new AbortController()
    await using spool = await spoolOf(spools, bytes)
    const putting = store.put(blobOf(bytes), spool, controller.signal)
    await gate.reached
    controller.abort(new Error('gone'))
    await expect(putting).rejects.toThrow('gone')
  })
})

async function faulty() {
  const files = await fileStore()
  const storeFaults = new FaultPlan<StoreOperation>()
  const spoolFaults = new FaultPlan<SpoolOperation>()
  return {
    ...files,
    store: new FaultStore(files.store, storeFaults),
    spools: new FaultSpoolFolder(files.spools, spoolFaults),
    storeFaults,
    spoolFaults,
  }
}
