import { mkdtemp, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type DiskSpace, diskSpace } from './disk-space.ts'
import { fileResult, fileResultIfPresent } from './file-error.ts'

/**
 * Whether a folder can be written, or made where it is missing, and the space it has. Leaves
 * nothing behind. Throws StoreError.
 */
export async function checkFolder(folder: string): Promise<DiskSpace> {
  const there = await nearestFolder(folder)
  const probe = await fileResult(`write to ${there}`, mkdtemp(join(there, '.entrepot-')))
  await fileResult(`remove ${probe}`, rmdir(probe))
  return diskSpace(there)
}

async function nearestFolder(folder: string): Promise<string> {
  const found = await fileResultIfPresent(`stat ${folder}`, stat(folder))
  return found ? folder : nearestFolder(dirname(folder))
}
