import type { BlobReader, BlobStat, BlobStore, Undeleted } from '../../src/store/blob-store.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { Quarantine, QuarantinedBlob } from '../../src/store/quarantine.ts'
import type { ByteRange } from '../../src/oci/range.ts'
import type { Spool, SpoolFolder } from '../../src/store/spool.ts'
import { StoreError } from '../../src/store/store-error.ts'
import type { TestFileStore } from '../support/file-store.ts'
import type { Dice } from './dice.ts'
import type { Scheduler } from './scheduler.ts'

/** The file store and its spools as one process has them: each operation waits for its turn and may fail. */
export class Disk implements BlobStore, Quarantine, SpoolFolder {
  readonly #files: TestFileStore
  readonly #process: object
  readonly #scheduler: Scheduler
  readonly #dice: Dice
  readonly #openFiles = new Set<AsyncDisposable>()
  isFull = false
  /** How often opening fails. */
  failing = 0

  constructor(files: TestFileStore, process: object, scheduler: Scheduler, dice: Dice) {
    this.#files = files
    this.#process = process
    this.#scheduler = scheduler
    this.#dice = dice
  }

  /** Spools and readers that were opened and are not disposed. */
  get openFiles(): number {
    return this.#openFiles.size
  }

  /** Closes what a process that was killed had open, as the system does. */
  async closeAll(): Promise<void> {
    for (const file of this.#openFiles) await file[Symbol.asyncDispose]()
    this.#openFiles.clear()
  }

  create(digest: Digest): Promise<Spool> {
    return this.#turn('create', async () => {
      this.#refuseWhenFull()
      const spool = await this.#files.spools.create(digest)
      this.#openFiles.add(spool)
      return {
        get path() {
          return spool.path
        },
        get sizeBytes() {
          return spool.sizeBytes
        },
        append: (bytes) =>
          this.#turn('append', async () => {
            this.#refuseWhenFull()
            await spool.append(bytes)
          }),
        readAt: (into, position) =>
          this.#turn('readAt', async () => {
            const someBytes = this.#dice.chance(0.2) ? this.#dice.int(1, 5000) : into.length
            return spool.readAt(into.subarray(0, someBytes), position)
          }),
        sync: () => spool.sync(),
        moveTo: (path) => spool.moveTo(path),
        [Symbol.asyncDispose]: () => this.#close(spool),
      }
    })
  }

  stat(digest: Digest): Promise<BlobStat | undefined> {
    return this.#turn('stat', () => this.#files.store.stat(digest))
  }

  open(digest: Digest, range?: ByteRange): Promise<BlobReader | undefined> {
    return this.#turn('open', async () => {
      if (this.#dice.chance(this.failing)) throw new StoreError('io', 'cannot open')
      const reader = await this.#files.store.open(digest, range)
      if (!reader) return undefined
      this.#openFiles.add(reader)
      return {
        sizeBytes: reader.sizeBytes,
        read: (into) => this.#turn('read', () => reader.read(into)),
        [Symbol.asyncDispose]: () => this.#close(reader),
      }
    })
  }

  put(descriptor: Descriptor, from: Spool, signal: AbortSignal): Promise<void> {
    return this.#turn('put', async () => {
      this.#refuseWhenFull()
      await this.#files.store.put(descriptor, from, signal)
    })
  }

  delete(digests: readonly Digest[]): Promise<Undeleted[]> {
    return this.#turn('delete', () => this.#files.store.delete(digests))
  }

  list(): AsyncIterable<BlobStat> {
    return this.#files.store.list()
  }

  quarantine(digest: Digest, nowMs: number): Promise<boolean> {
    return this.#turn('quarantine', () => this.#files.store.quarantine(digest, nowMs))
  }

  quarantined(): AsyncIterable<QuarantinedBlob> {
    return this.#files.store.quarantined()
  }

  dropQuarantined(digest: Digest): Promise<void> {
    return this.#files.store.dropQuarantined(digest)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }

  #turn<T>(label: string, work: () => Promise<T>): Promise<T> {
    return this.#scheduler.turn(this.#process, label, work)
  }

  #close(file: AsyncDisposable): Promise<void> {
    return this.#turn('close', async () => {
      this.#openFiles.delete(file)
      await file[Symbol.asyncDispose]()
    })
  }

  #refuseWhenFull(): void {
    if (this.isFull) throw new StoreError('no-space', 'disk full')
  }
}
