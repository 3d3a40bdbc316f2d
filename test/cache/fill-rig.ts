import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Fill, type FillEnd, type FillOptions } from '../../src/cache/fill.ts'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import type { UpstreamError } from '../../src/oci/upstream-error.ts'
import type { ByteReader } from '../../src/util/byte-reader.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { fileStore } from '../support/file-store.ts'
import { ScriptedSource } from '../support/scripted-source.ts'
import { WatchedSpools } from '../support/watched-spools.ts'

export const repository = { registry: 'docker.io', name: parseRepository('library/demo')! }
export const never = new AbortController().signal
export const GIVE_UP_AFTER_MS = 120_000

/** What a fill needs, and what it did with it. */
export interface FillRig extends AsyncDisposable {
  digest: Digest
  source: ScriptedSource
  spools: WatchedSpools
  clock: FakeClock
  committed: Buffer[]
  resumed: UpstreamError[]
  ends: FillEnd[]
  releaseFailures: unknown[]
  /** Starts the fill; `commit` replaces the one that keeps what it is given in `committed`. */
  start: (commit?: FillOptions['commit']) => Fill
  /** Names in the folder of the spools. */
  spoolNames: () => Promise<string[]>
}

/** A fill of `digest`, for which upstream has `bytes`. */
export async function fillRig(bytes: Buffer, digest = digestOf(bytes)): Promise<FillRig> {
  const files = await fileStore()
  const source = new ScriptedSource()
  source.addBlob(repository.name, digest, bytes)
  const spools = new WatchedSpools(files.spools)
  const clock = new FakeClock()
  const committed: Buffer[] = []
  const resumed: UpstreamError[] = []
  const ends: FillEnd[] = []
  const releaseFailures: unknown[] = []
  const keep: FillOptions['commit'] = async (_, spool) => {
    const copy = Buffer.alloc(spool.sizeBytes)
    for (let at = 0; at < copy.length;) at += await spool.readAt(copy.subarray(at), at)
    committed.push(copy)
  }
  return {
    digest,
    source,
    spools,
    clock,
    committed,
    resumed,
    ends,
    releaseFailures,
    start: (commit = keep) =>
      new Fill({
        source,
        repository,
        digest,
        spools,
        admit: () => Promise.resolve(),
        clock,
        commit,
        giveUpAfterMs: GIVE_UP_AFTER_MS,
        onResume: (cause) => resumed.push(cause),
        onEnd: (end) => ends.push(end),
        onReleaseFailure: (cause) => releaseFailures.push(cause),
      }),
    spoolNames: () => readdir(join(files.folder, 'spool')),
    [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
  }
}

/** Everything a reader gave before it ended, and the error it ended with. */
export interface Reading {
  bytes: Buffer
  error: unknown
}

/** Reads to the end, good or bad, and disposes the reader. */
export async function drained(reader: ByteReader, portionBytes = 64 * 1024): Promise<Reading> {
  await using owned = reader
  const parts: Buffer[] = []
  const part = Buffer.alloc(portionBytes)
  try {
    for (let count = await owned.read(part); count > 0; count = await owned.read(part)) {
      parts.push(Buffer.from(part.subarray(0, count)))
    }
    return { bytes: Buffer.concat(parts), error: undefined }
  } catch (error) {
    return { bytes: Buffer.concat(parts), error }
  }
}
