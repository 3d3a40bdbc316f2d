import { truncate, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { encodedOf, type Digest } from '../../src/oci/digest.ts'
import { migrate, type MigrateOptions } from '../../src/store/migrate.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { bytesIn, putBytes, statsOf } from '../support/blobs.ts'
import { FaultPlan } from '../support/fault-plan.ts'
import { FaultStore, type StoreOperation } from '../support/fault-store.ts'
import { fileStore, type TestFileStore } from '../support/file-store.ts'
import { bytesOf } from '../support/images.ts'
import { WatchedSpools } from '../support/watched-spools.ts'

const contents = Array.from({ length: 12 }, (_, index) => bytesOf(`blob ${index}`, 1000 + index))
const totalBytes = contents.reduce((sum, { length }) => sum + length, 0)
const nothing = { copied: 0, copiedBytes: 0, present: 0, damaged: [], isComplete: true }

describe('a migration', () => {
  it('copies all of a store, and tells how far it has come', async () => {
    await using rig = await prepare()
    const progress: number[] = []
    const summary = await rig.migrate({
      progress: (done, total) => {
        expect(total).toBe(totalBytes)
        progress.push(done)
      },
    })
    expect(summary).toEqual({ ...nothing, copied: 12, copiedBytes: totalBytes })
    expect(progress).toHaveLength(12)
    expect(progress.at(-1)).toBe(totalBytes)
    for (const stat of await statsOf(rig.from.store)) {
      const bytes = await bytesIn(rig.to, stat)
      expect(bytes?.equals((await bytesIn(rig.from.store, stat))!)).toBe(true)
    }
    expect(await statsOf(rig.to)).toHaveLength(12)
    expect(rig.spools.open).toBe(0)
  })

  it('passes over what is there, and puts again what is there in part', async () => {
    await using rig = await prepare()
    for (const bytes of contents.slice(0, 5)) await putBytes(rig.to, rig.target.spools, bytes)
    const [cut] = await statsOf(rig.to)
    await truncate(pathOf(rig.target, cut!.digest), 10)
    const summary = await rig.migrate({})
    expect(summary).toMatchObject({ copied: 8, present: 4, isComplete: true })
    expect(rig.plan.calls('put')).toBe(5 + 8)
    expect(await rig.migrate({})).toEqual({ ...nothing, present: 12 })
    expect(await statsOf(rig.to)).toEqual(await statsOf(rig.from.store))
  })

  it('leaves what is wrong, and names it', async () => {
    await using rig = await prepare()
    const [wrong] = await statsOf(rig.from.store)
    await writeFile(pathOf(rig.from, wrong!.digest), Buffer.alloc(wrong!.sizeBytes))
    const summary = await rig.migrate({})
    expect(summary).toMatchObject({ copied: 11, damaged: [wrong!.digest], isComplete: true })
    expect(await rig.to.stat(wrong!.digest)).toBeUndefined()
  })

  it('ends when it is told to, and the next goes on from there', async () => {
    await using rig = await prepare()
    const controller = new AbortController()
    const first = await rig.migrate({
      progress: () => controller.abort(new Error('stop')),
      signal: controller.signal,
    })
    expect(first.isComplete).toBe(false)
    expect(first.copied).toBeLessThan(12)
    expect(rig.spools.open).toBe(0)
    const second = await rig.migrate({})
    expect(second).toMatchObject({ copied: 12 - first.copied, present: first.copied })
    expect(await statsOf(rig.to)).toEqual(await statsOf(rig.from.store))
  })

  it('fails with the store, and the next goes on from there', async () => {
    await using rig = await prepare()
    const full = new StoreError('no-space', 'full')
    rig.plan.fail('put', 11, full)
    await expect(rig.migrate({})).rejects.toBe(full)
    expect(rig.spools.open).toBe(0)
    const { length: copied } = await statsOf(rig.to)
    expect(copied).toBeGreaterThan(0)
    expect(await rig.migrate({})).toMatchObject({ copied: 12 - copied, present: copied })
  })

  it('has a few blobs on their way at a time', async () => {
    await using rig = await prepare()
    const open: number[] = []
    rig.spools.beforeAppend = () => Promise.resolve(void open.push(rig.spools.open))
    expect(await rig.migrate({})).toMatchObject({ copied: 12 })
    expect(Math.max(...open)).toBe(8)
  })
})

/** A store of files with all contents, and another with none, which can be made to fail. */
async function prepare() {
  await using stack = new AsyncDisposableStack()
  const from = stack.use(await fileStore())
  const target = stack.use(await fileStore())
  for (const bytes of contents) await putBytes(from.store, from.spools, bytes)
  const plan = new FaultPlan<StoreOperation>()
  const to = new FaultStore(target.store, plan)
  const spools = new WatchedSpools(target.spools)
  const owned = stack.move()
  return {
    from,
    target,
    to,
    plan,
    spools,
    migrate: (options: Partial<MigrateOptions>) =>
      migrate({
        from: from.store,
        to,
        spools,
        progress: () => {},
        signal: new AbortController().signal,
        ...options,
      }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function pathOf({ folder }: TestFileStore, digest: Digest): string {
  const encoded = encodedOf(digest)
  return `${folder}/blobs/sha256/${encoded.slice(0, 2)}/${encoded}`
}
