import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DiskReserve } from '../../src/store/disk-reserve.ts'
import { diskSpace } from '../../src/store/disk-space.ts'
import { caught } from '../support/caught.ts'
import { smallDisk } from '../support/small-disk.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const MIB = 1024 * 1024

describe('a reserve', () => {
  it('takes its space of the disk, and gives it back', async (context) => {
    await using disk = await smallDisk(context, { sizeBytes: 4 * MIB })
    const { freeBytes, totalBytes } = await diskSpace(disk.path)
    expect(totalBytes).toBe(4 * MIB)
    const reserve = new DiskReserve(join(disk.path, 'reserve'), MIB)
    await reserve.take()
    expect((await diskSpace(disk.path)).freeBytes).toBe(freeBytes - MIB)
    await reserve.release()
    expect((await diskSpace(disk.path)).freeBytes).toBe(freeBytes)
  })

  it('can be given back when the disk is full', async (context) => {
    await using disk = await smallDisk(context, { sizeBytes: 4 * MIB })
    const reserve = new DiskReserve(join(disk.path, 'reserve'), MIB)
    await reserve.take()
    const { freeBytes } = await diskSpace(disk.path)
    await writeFile(join(disk.path, 'others'), Buffer.alloc(freeBytes))
    await reserve.release()
    expect((await diskSpace(disk.path)).freeBytes).toBe(MIB)
  })

  it('leaves nothing where there is no room for it', async (context) => {
    await using disk = await smallDisk(context, { sizeBytes: MIB })
    const { freeBytes } = await diskSpace(disk.path)
    const reserve = new DiskReserve(join(disk.path, 'reserve'), 2 * MIB)
    expect(await caught(reserve.take())).toMatchObject({ kind: 'no-space' })
    expect((await diskSpace(disk.path)).freeBytes).toBe(freeBytes)
  })

  it('that was taken by an earlier process, or in part, is taken whole', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'reserve')
    for (const found of [Buffer.alloc(10), Buffer.alloc(1000)]) {
      await writeFile(path, found)
      await new DiskReserve(path, 1000).take()
      expect((await stat(path)).size).toBe(1000)
    }
  })

  it('says when it cannot be taken, and can be taken later', async () => {
    await using folder = await temporaryFolder()
    const reserve = new DiskReserve(join(folder.path, 'no-folder', 'reserve'), 1000)
    expect(await caught(reserve.take())).toMatchObject({ kind: 'io' })
    await reserve.release()
    expect(await caught(reserve.take())).toMatchObject({ kind: 'io' })
  })
})
