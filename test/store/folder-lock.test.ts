import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type FolderHolder,
  type FolderLock,
  FolderLockedError,
  lockFolder,
} from '../../src/store/folder-lock.ts'
import { eventually } from '../support/eventually.ts'
import { RunningProcess } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const holder: FolderHolder = { pid: process.pid, hostName: 'here', sinceMs: Date.UTC(2026, 1, 1) }

describe('the lock of a data folder', () => {
  it('makes the folder for its user alone, and leaves nothing that says it is held', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'data')
    const lock = await held(path)
    expect(await readdir(path)).toContain('lock.json')
    expect((await stat(path)).mode & 0o777).toBe(0o700)
    await lock[Symbol.asyncDispose]()
    expect(await readdir(path)).not.toContain('lock.json')
  })

  it('refuses a second holder until the first lets go', async () => {
    await using folder = await temporaryFolder()
    const lock = await held(folder.path)
    await expect(lockFolder(folder.path)).rejects.toMatchObject({
      name: 'FolderLockedError',
      folder: folder.path,
      holder,
    })
    await lock[Symbol.asyncDispose]()
    await using _again = await lockFolder(folder.path)
  })

  it('lets one of many in', async () => {
    await using folder = await temporaryFolder()
    const attempts = await Promise.allSettled(
      Array.from({ length: 10 }, () => lockFolder(folder.path)),
    )
    const locks = attempts.filter((attempt) => attempt.status === 'fulfilled')
    expect(locks).toHaveLength(1)
    await locks[0]!.value[Symbol.asyncDispose]()
  })

  it('names the other process that holds it, and is free once that is killed', async () => {
    await using folder = await temporaryFolder()
    await using other = await holdFolder(folder.path)
    const refusal = await lockFolder(folder.path).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(FolderLockedError)
    expect((refusal as FolderLockedError).message).toBe(
      `${folder.path} is in use by process ${other.pid} on elsewhere since 2026-01-01T00:00:00.000Z`,
    )
    other.kill('SIGKILL')
    await other.exited
    await using _lock = await held(folder.path)
    await expect(lockFolder(folder.path)).rejects.toMatchObject({ holder })
  })

  it('refuses also where the holder cannot be read', async () => {
    await using folder = await temporaryFolder()
    await using _lock = await held(folder.path)
    await writeFile(join(folder.path, 'lock.json'), '{"pid":')
    await expect(lockFolder(folder.path)).rejects.toThrow('another process')
  })

  it('says what is wrong with a folder that cannot be used', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'file')
    await writeFile(path, '')
    await expect(lockFolder(path)).rejects.toMatchObject({ name: 'StoreError' })
  })
})

async function held(path: string): Promise<FolderLock> {
  const lock = await lockFolder(path)
  await lock.tell(holder)
  return lock
}

async function holdFolder(path: string): Promise<RunningProcess> {
  const script = join(import.meta.dirname, 'hold-folder.process.ts')
  const other = new RunningProcess([process.execPath, script, path])
  await eventually('the other process holds the folder', () => other.output.includes('locked'))
  return other
}
