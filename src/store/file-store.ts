import { constants } from 'node:fs'
import { mkdir, readdir, rename, stat, unlink, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest, encodedOf, parseDigest } from '../oci/digest.ts'
import { type ByteRange, wholeRange } from '../oci/range.ts'
import { Semaphore } from '../util/semaphore.ts'
import type { BlobReader, BlobStat, BlobStore, Undeleted } from './blob-store.ts'
import { fileResult, fileResultIfPresent } from './file-error.ts'
import { openFile, type OpenFile } from './open-file.ts'
import type { Quarantine, QuarantinedBlob } from './quarantine.ts'
import { refuseOtherSize, type Spool } from './spool.ts'
import { StoreError } from './store-error.ts'

/** Node reads files in four threads; a sync keeps one as long as the disk takes. */
const MAX_SYNCS = 2

export interface FileStoreFolders {
  blobs: string
  /** For what is set aside; made when it is needed. */
  quarantine: string
}

/** A blob and when it was last read or written, in milliseconds since the Unix epoch. */
export interface UsedBlob extends BlobStat {
  usedAtMs: number
}

/**
 * Blobs as files named by their digest, `sha256/ab/abcdef...`, under one folder, which has to be
 * on the file system of the spools and of the quarantine. Open descriptors are not kept: opening
 * costs 18 microseconds, a tenth of reading 1 MiB.
 */
export class FileStore implements BlobStore, Quarantine {
  readonly #folder: string
  readonly #quarantine: string
  readonly #shards = new Map<string, Promise<void>>()
  readonly #syncs = new Semaphore(MAX_SYNCS)

  constructor({ blobs, quarantine }: FileStoreFolders) {
    this.#folder = blobs
    this.#quarantine = quarantine
  }

  async stat(digest: Digest): Promise<BlobStat | undefined> {
    const path = this.#pathOf(digest)
    const stats = await fileResultIfPresent(`stat ${path}`, stat(path))
    return stats && { digest, sizeBytes: stats.size }
  }

  async open(digest: Digest, range?: ByteRange): Promise<BlobReader | undefined> {
    const file = await openFile(this.#pathOf(digest), constants.O_RDONLY)
    if (!file) return undefined
    try {
      const sizeBytes = await file.sizeBytes()
      return new FileReader(file, digest, sizeBytes, range ?? wholeRange(sizeBytes))
    } catch (cause) {
      await file[Symbol.asyncDispose]()
      throw cause
    }
  }

  async put(descriptor: Descriptor, from: Spool, signal: AbortSignal): Promise<void> {
    refuseOtherSize(descriptor, from)
    using _turn = await this.#syncs.acquire(signal)
    const path = this.#pathOf(descriptor.digest)
    const shard = dirname(path)
    try {
      await from.sync()
      await this.#prepare(shard)
      signal.throwIfAborted()
      // Also where the blob is there: it is the same, and what went bad on the disk is healed.
      await from.moveTo(path)
      await syncFolder(shard)
    } catch (cause) {
      // The folder may have failed, or somebody removed it; the next put makes it anew.
      this.#shards.delete(shard)
      throw cause
    }
  }

  async delete(digests: readonly Digest[]): Promise<Undeleted[]> {
    const failures: Undeleted[] = []
    for (const digest of digests) {
      const path = this.#pathOf(digest)
      try {
        await fileResultIfPresent(`remove ${path}`, unlink(path))
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        failures.push({ digest, error })
      }
    }
    return failures
  }

  async *list(): AsyncIterable<BlobStat> {
    for await (const { digest, sizeBytes } of this.listUsed()) yield { digest, sizeBytes }
  }

  /** As `list`, with what the file system knows of the last use. */
  async *listUsed(): AsyncIterable<UsedBlob> {
    for (const algorithm of ['sha256', 'sha512']) {
      for (const shard of await namesIn(join(this.#folder, algorithm))) {
        for (const name of await namesIn(join(this.#folder, algorithm, shard))) {
          const digest = parseDigest(`${algorithm}:${name}`)
          const path = digest && this.#pathOf(digest)
          const stats = path && (await fileResultIfPresent(`stat ${path}`, stat(path)))
          if (!stats) continue
          const usedAtMs = Math.max(stats.atimeMs, stats.mtimeMs)
          yield { digest, sizeBytes: stats.size, usedAtMs }
        }
      }
    }
  }

  async quarantine(digest: Digest, nowMs: number): Promise<boolean> {
    const path = this.#pathOf(digest)
    const made = mkdir(this.#quarantine, { recursive: true })
    const isNew = (await fileResult(`make ${this.#quarantine}`, made)) !== undefined
    if (isNew) await syncFolder(dirname(this.#quarantine))
    const moving = moveDated(path, this.#quarantinePathOf(digest), nowMs)
    const isMoved = await fileResultIfPresent(`set ${path} aside`, moving)
    if (!isMoved) return false
    await syncFolder(this.#quarantine)
    await syncFolder(dirname(path))
    return true
  }

  async *quarantined(): AsyncIterable<QuarantinedBlob> {
    for (const name of await namesIn(this.#quarantine)) {
      const digest = parseDigest(name.replace('-', ':'))
      if (!digest) continue
      const path = this.#quarantinePathOf(digest)
      const stats = await fileResultIfPresent(`stat ${path}`, stat(path))
      if (stats) yield { digest, sizeBytes: stats.size, sinceMs: Math.round(stats.mtimeMs) }
    }
  }

  async dropQuarantined(digest: Digest): Promise<void> {
    const path = this.#quarantinePathOf(digest)
    await fileResultIfPresent(`remove ${path}`, unlink(path))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }

  #pathOf(digest: Digest): string {
    const encoded = encodedOf(digest)
    return join(this.#folder, algorithmOf(digest), encoded.slice(0, 2), encoded)
  }

  #quarantinePathOf(digest: Digest): string {
    return join(this.#quarantine, digest.replace(':', '-'))
  }

  /** Makes the folder and its entry durable, once; puts at the same time wait for the same work. */
  #prepare(shard: string): Promise<void> {
    const prepared = this.#shards.get(shard) ?? this.#makeFolder(shard)
    this.#shards.set(shard, prepared)
    return prepared
  }

  async #makeFolder(shard: string): Promise<void> {
    await fileResult(`make ${shard}`, mkdir(shard, { recursive: true }))
    for (const parent of [dirname(shard), this.#folder, dirname(this.#folder)]) {
      await syncFolder(parent)
    }
  }
}

class FileReader implements BlobReader {
  readonly sizeBytes: number
  readonly #file: OpenFile
  readonly #digest: Digest
  readonly #end: number
  #position: number

  constructor(file: OpenFile, digest: Digest, sizeBytes: number, range: ByteRange) {
    this.sizeBytes = sizeBytes
    this.#file = file
    this.#digest = digest
    this.#position = range.first
    this.#end = range.last + 1
  }

  async read(into: Uint8Array): Promise<number> {
    const maxBytes = Math.min(into.length, this.#end - this.#position)
    if (maxBytes <= 0) return 0
    const count = await this.#file.read(into, maxBytes, this.#position)
    if (count === 0) {
      throw new StoreError('corrupt', `${this.#digest} was cut at ${this.#position} bytes`)
    }
    this.#position += count
    return count
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file[Symbol.asyncDispose]()
  }
}

/** Names in a folder, in lexical order; none where there is no folder. */
async function namesIn(path: string): Promise<string[]> {
  const names = await fileResultIfPresent(`list ${path}`, readdir(path))
  return names?.sort() ?? []
}

/** The time goes with the file, since renaming it leaves no trace of when. */
async function moveDated(from: string, to: string, nowMs: number): Promise<true> {
  await utimes(from, nowMs / 1000, nowMs / 1000)
  await rename(from, to)
  return true
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await openFile(path, constants.O_RDONLY)
  if (!folder) throw new StoreError('io', `cannot sync ${path}: it is gone`)
  await folder.sync()
}
