import { type FileHandle, open, realpath, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Changes a text file at once or not at all, durably; one that is not there begins empty, and as
 * nobody else's. Mode and owner stay, and so do links that lead to it. What `change` throws leaves
 * everything as it was.
 */
export async function replaceFile(path: string, change: (text: string) => string): Promise<void> {
  await using before = await openIfThere(path)
  const target = before ? await realpath(path) : path
  const text = change(before ? await before.readFile('utf8') : '')
  const temporary = `${target}.${process.pid}.new`
  try {
    await using after = await open(temporary, 'wx', 0o600)
    if (before) await takeAfter(after, before)
    await after.writeFile(text)
    await after.sync()
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await using folder = await open(dirname(target))
  await folder.sync()
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function takeAfter(after: FileHandle, before: FileHandle): Promise<void> {
  const { mode, uid, gid } = await before.stat()
  const own = await after.stat()
  if (own.uid !== uid || own.gid !== gid) await after.chown(uid, gid)
  await after.chmod(mode & 0o7777)
}
