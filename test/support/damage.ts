import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodedOf, type Digest } from '../../src/oci/digest.ts'

/** Where a data folder has the bytes of content. */
export function blobPath(folder: string, digest: Digest): string {
  const hex = encodedOf(digest)
  return join(folder, 'blobs', 'sha256', hex.slice(0, 2), hex)
}

/** Where a data folder has what was set aside. */
export function quarantinePath(folder: string, digest: Digest): string {
  return join(folder, 'quarantine', digest.replace(':', '-'))
}

/** What disks do to files. */
export const damages = {
  async flip(folder: string, digest: Digest): Promise<void> {
    const path = blobPath(folder, digest)
    const bytes = await readFile(path)
    bytes[bytes.length >> 1]! ^= 1
    await writeFile(path, bytes)
  },
  async cut(folder: string, digest: Digest): Promise<void> {
    const path = blobPath(folder, digest)
    await truncate(path, (await readFile(path)).length >> 1)
  },
  async lose(folder: string, digest: Digest): Promise<void> {
    await rm(blobPath(folder, digest))
  },
}
