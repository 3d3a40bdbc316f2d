import { statfs } from 'node:fs/promises'
import { fileResult } from './file-error.ts'

/** Of the file system of a folder, as far as its owner may use it. */
export interface DiskSpace {
  freeBytes: number
  totalBytes: number
}

/** Throws StoreError. */
export async function diskSpace(folder: string): Promise<DiskSpace> {
  const { bsize, bavail, blocks } = await fileResult(`measure ${folder}`, statfs(folder))
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}
