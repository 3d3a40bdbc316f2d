import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileError, fileResult, fileResultIfPresent } from './file-error.ts'

/** The process that holds a folder. */
export interface FolderHolder {
  pid: number
  hostName: string
  /** Since when, in milliseconds since the Unix epoch. */
  sinceMs: number
}

/** Another process, or another part of this one, works in the folder. */
export class FolderLockedError extends Error {
  override readonly name = 'FolderLockedError'
  readonly folder: string
  /** `undefined` where the holder has not said yet who it is. */
  readonly holder: FolderHolder | undefined

  constructor(folder: string, holder: FolderHolder | undefined, options: ErrorOptions) {
    super(`${folder} is in use by ${describe(holder)}`, options)
    this.folder = folder
    this.holder = holder
  }
}

/** Private images are in it. Of one that is there already, whoever made it has thought. */
const FOLDER_MODE = 0o700

/** A claim, until it is disposed or the process ends, however it ends. */
export interface FolderLock extends AsyncDisposable {
  /** Lets others know who holds it. Throws StoreError. */
  tell(holder: FolderHolder): Promise<void>
}

/**
 * Claims a folder, which is made where it is missing, for one process. Throws FolderLockedError
 * while another holds it, without waiting, and StoreError where the folder cannot be used. Needs
 * no space on a disk where it was claimed before.
 *
 * The operating system's lock is held through an SQLite transaction that is never finished, since
 * Node has no file locks of its own; who holds it stands in a file beside it.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  await fileResult(`make ${folder}`, mkdir(folder, { recursive: true, mode: FOLDER_MODE }))
  const holderFile = join(folder, 'lock.json')
  const database = await lockedDatabase(folder, holderFile)
  return {
    tell: (holder) =>
      fileResult(`write ${holderFile}`, replaceFile(holderFile, JSON.stringify(holder))),
    async [Symbol.asyncDispose]() {
      try {
        await fileResult(`remove ${holderFile}`, rm(holderFile, { force: true }))
      } finally {
        database.close()
      }
    },
  }
}

/** Says who has claimed a folder; `undefined` where nobody has. Throws StoreError. */
export async function folderHolder(folder: string): Promise<string | undefined> {
  try {
    const database = await lockedDatabase(folder, join(folder, 'lock.json'))
    database.close()
    return undefined
  } catch (error) {
    if (error instanceof FolderLockedError) return error.message
    throw error
  }
}

async function lockedDatabase(folder: string, holderFile: string): Promise<DatabaseSync> {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(join(folder, 'lock.db'))
    // Nothing is ever written, so that it needs no journal beside it.
    database.exec('pragma journal_mode = memory; begin exclusive')
    return database
  } catch (cause) {
    database?.close()
    if (!isBusy(cause)) throw fileError(`lock ${folder}`, cause)
    throw new FolderLockedError(folder, await readHolder(holderFile), { cause })
  }
}

function isBusy(cause: unknown): boolean {
  const SQLITE_BUSY = 5
  return cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY
}

/** Never seen half written. */
async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

async function readHolder(path: string): Promise<FolderHolder | undefined> {
  const text = await fileResultIfPresent(`read ${path}`, readFile(path, 'utf8'))
  try {
    return text === undefined ? undefined : (JSON.parse(text) as FolderHolder)
  } catch {
    // A power cut tore the file of an earlier holder; the present one is about to replace it.
    return undefined
  }
}

function describe(holder: FolderHolder | undefined): string {
  if (!holder) return 'another process that is just starting'
  const since = new Date(holder.sinceMs).toISOString()
  return `process ${holder.pid} on ${holder.hostName} since ${since}`
}
