import { join } from 'node:path'
import { FileSpoolFolder } from '../../src/store/file-spool.ts'
import { FileStore } from '../../src/store/file-store.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface TestFileStore extends AsyncDisposable {
  /** Holds `spool`, `blobs` and `quarantine`, as a data folder does. */
  folder: string
  store: FileStore
  spools: FileSpoolFolder
}

/** The real thing in a folder: one that is kept, or a new one that goes when it is disposed. */
export async function fileStore(keptFolder?: string): Promise<TestFileStore> {
  const temporary = keptFolder === undefined ? await temporaryFolder() : undefined
  const folder = keptFolder ?? temporary!.path
  const store = new FileStore({
    blobs: join(folder, 'blobs'),
    quarantine: join(folder, 'quarantine'),
  })
  const spools = new FileSpoolFolder(join(folder, 'spool'))
  await spools.clear()
  return {
    folder,
    store,
    spools,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await temporary?.[Symbol.asyncDispose]()
    },
  }
}
