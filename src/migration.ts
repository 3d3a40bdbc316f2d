import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Config } from './config/schema.ts'
import { FileSpoolFolder } from './store/file-spool.ts'
import { FolderLockedError, type FolderLock, lockFolder } from './store/folder-lock.ts'
import { migrate, type MigrateOptions, type MigrationSummary } from './store/migrate.ts'
import { fileStoreIn, openS3Store } from './stores.ts'

export type { MigrationSummary }

type Listener = Pick<MigrateOptions, 'progress' | 'signal'>

/** The content is being served. */
class StoreInUseError extends Error {
  override readonly name = 'StoreInUseError'
}

/**
 * Copies content between the files in the data folder of a configuration and its bucket, while no
 * daemon works there. The inventory holds for either. Throws StoreInUseError and StoreError.
 */
export async function migrateContent(
  { data, store }: Config,
  target: Config['store']['type'],
  listener: Listener,
): Promise<MigrationSummary> {
  await using lock = await claim(data)
  await lock.tell({ pid: process.pid, hostName: hostname(), sinceMs: Date.now() })
  const spools = new FileSpoolFolder(join(data, 'spool'))
  await spools.clear()
  await using files = fileStoreIn(data)
  await using bucket = (await openS3Store(store)).store
  const [from, to] = target === 's3' ? [files, bucket] : [bucket, files]
  return await migrate({ from, to, spools, ...listener })
}

async function claim(folder: string): Promise<FolderLock> {
  try {
    return await lockFolder(folder)
  } catch (cause) {
    if (!(cause instanceof FolderLockedError)) throw cause
    throw new StoreInUseError(`${cause.message}: stop it first`, { cause })
  }
}
