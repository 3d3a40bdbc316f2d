import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { extract, type Extract } from 'tar-stream'
import { digestOf } from '../../../src/oci/digest.ts'
import { filesBelow } from '../files-below.ts'

/** The digest of each regular file in an archive. */
export async function hashArchive(path: string): Promise<Set<string>> {
  const files = extract()
  const [digests] = await Promise.all([hashAll(files), pipeline(createReadStream(path), files)])
  return digests
}

/** The digest of each file below a folder, from which others may be removing some. */
export async function hashFolder(path: string): Promise<Set<string>> {
  const digests = new Set<string>()
  for (const file of await filesBelow(path)) {
    const bytes = await readFile(file).catch(absentIfGone)
    if (bytes) digests.add(digestOf(bytes))
  }
  return digests
}

function absentIfGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

async function hashAll(files: Extract): Promise<Set<string>> {
  const digests = new Set<string>()
  for await (const file of files) {
    const chunks: Buffer[] = []
    for await (const chunk of file) chunks.push(chunk as Buffer)
    digests.add(digestOf(Buffer.concat(chunks)))
  }
  return digests
}
