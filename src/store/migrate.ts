import { OCTET_STREAM } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { together } from '../util/together.ts'
import type { BlobReader, BlobStat, BlobStore } from './blob-store.ts'
import { spoolFrom } from './spool-from.ts'
import type { Spool, SpoolFolder } from './spool.ts'
import { StoreError } from './store-error.ts'

const BLOBS_AT_ONCE = 8

export interface MigrateOptions {
  from: BlobStore
  to: BlobStore
  /** On the disk of a store of files, where one of the two is that. */
  spools: SpoolFolder
  /** How much of what was not there yet has been copied. */
  progress: (doneBytes: number, totalBytes: number) => void
  signal: AbortSignal
}

export interface MigrationSummary {
  copied: number
  copiedBytes: number
  /** There already, with their size. */
  present: number
  /** Left where they are, because their bytes are wrong. */
  damaged: Digest[]
  /** False where the signal has ended it before all was copied. */
  isComplete: boolean
}

/**
 * Copies blobs from one store to another, each verified before it is put; removes nothing. What is
 * there is passed over, so that it goes on where it was ended, in whatever way. Throws StoreError.
 */
export async function migrate(options: MigrateOptions): Promise<MigrationSummary> {
  const { from, to, signal } = options
  const summary = { copied: 0, copiedBytes: 0, present: 0, damaged: [], isComplete: true }
  const missing: BlobStat[] = []
  const present = () => summary.present++
  try {
    for await (const blob of missingIn(to, from, present)) {
      signal.throwIfAborted()
      missing.push(blob)
    }
    await copyAll(missing, summary, options)
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error
    summary.isComplete = false
  }
  return summary
}

/** What one store does not have of the other, both of which list in order of digest. */
async function* missingIn(
  store: BlobStore,
  other: BlobStore,
  present: () => void,
): AsyncGenerator<BlobStat, void> {
  const there = store.list()[Symbol.asyncIterator]()
  let next = await there.next()
  for await (const blob of other.list()) {
    while (!next.done && next.value.digest < blob.digest) next = await there.next()
    const isThere =
      !next.done && next.value.digest === blob.digest && next.value.sizeBytes === blob.sizeBytes
    if (isThere) present()
    else yield blob
  }
}

async function copyAll(
  blobs: BlobStat[],
  summary: MigrationSummary,
  options: MigrateOptions,
): Promise<void> {
  const totalBytes = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  let doneBytes = 0
  const left = blobs.values()
  await together(BLOBS_AT_ONCE, options.signal, async (signal) => {
    // Of the one iterator all take, each the next.
    for (const { digest, sizeBytes } of left) {
      if (await copy(digest, { ...options, signal })) {
        summary.copied++
        summary.copiedBytes += sizeBytes
      } else summary.damaged.push(digest)
      doneBytes += sizeBytes
      options.progress(doneBytes, totalBytes)
    }
  })
}

/** False where its bytes are wrong. */
async function copy(
  digest: Digest,
  { from, to, spools, signal }: Omit<MigrateOptions, 'progress'>,
): Promise<boolean> {
  signal.throwIfAborted()
  await using reader = await from.open(digest)
  if (!reader) return false
  await using spool = await spools.create(digest)
  if (!(await isSpooled(reader, spool, digest, signal))) return false
  const { sizeBytes } = spool
  await to.put({ mediaType: OCTET_STREAM, digest, sizeBytes }, spool, signal)
  return true
}

/** False also where there are bytes that cannot be had any more. */
async function isSpooled(
  reader: BlobReader,
  spool: Spool,
  digest: Digest,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return (await spoolFrom(reader, spool, digest, signal)) === digest
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'corrupt') return false
    throw error
  }
}
