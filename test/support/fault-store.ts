import type { Descriptor } from '../../src/oci/descriptor.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { ByteRange } from '../../src/oci/range.ts'
import type { BlobReader, BlobStat, BlobStore, Undeleted } from '../../src/store/blob-store.ts'
import type { Quarantine, QuarantinedBlob } from '../../src/store/quarantine.ts'
import type { Spool, SpoolFolder } from '../../src/store/spool.ts'
import { StoreError } from '../../src/store/store-error.ts'
import type { FaultPlan } from './fault-plan.ts'

/** `read` counts over all the readers that the store has opened. */
export type StoreOperation = 'stat' | 'open' | 'read' | 'put' | 'delete' | 'list'

/** A blob store that fails and waits as planned. */
export class FaultStore implements BlobStore, Quarantine {
  readonly #inner: BlobStore & Quarantine
  readonly #plan: FaultPlan<StoreOperation>

  constructor(inner: BlobStore & Quarantine, plan: FaultPlan<StoreOperation>) {
    this.#inner = inner
    this.#plan = plan
  }

  stat(digest: Digest): Promise<BlobStat | undefined> {
    return this.#plan.pass('stat', () => this.#inner.stat(digest))
  }

  async open(digest: Digest, range?: ByteRange): Promise<BlobReader | undefined> {
    const reader = await this.#plan.pass('open', () => this.#inner.open(digest, range))
    return (
      reader && {
        sizeBytes: reader.sizeBytes,
        read: (into) => this.#plan.pass('read', () => reader.read(into)),
        [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
      }
    )
  }

  put(descriptor: Descriptor, from: Spool, signal: AbortSignal): Promise<void> {
    return this.#plan.pass('put', () => this.#inner.put(descriptor, from, signal), signal)
  }

  async delete(digests: readonly Digest[]): Promise<Undeleted[]> {
    try {
      return await this.#plan.pass('delete', () => this.#inner.delete(digests))
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      return digests.map((digest) => ({ digest, error }))
    }
  }

  async *list(): AsyncIterable<BlobStat> {
    await this.#plan.pass('list', () => Promise.resolve())
    yield* this.#inner.list()
  }

  quarantine(digest: Digest, nowMs: number): Promise<boolean> {
    return this.#inner.quarantine(digest, nowMs)
  }

  quarantined(): AsyncIterable<QuarantinedBlob> {
    return this.#inner.quarantined()
  }

  dropQuarantined(digest: Digest): Promise<void> {
    return this.#inner.dropQuarantined(digest)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]()
  }
}

/** All but `create` count over all the spools of the folder. */
export type SpoolOperation = 'create' | 'append' | 'readAt' | 'sync' | 'moveTo'

/** A spool folder whose spools fail and wait as planned. */
export class FaultSpoolFolder implements SpoolFolder {
  readonly #inner: SpoolFolder
  readonly #plan: FaultPlan<SpoolOperation>

  constructor(inner: SpoolFolder, plan: FaultPlan<SpoolOperation>) {
    this.#inner = inner
    this.#plan = plan
  }

  async create(digest: Digest): Promise<Spool> {
    const spool = await this.#plan.pass('create', () => this.#inner.create(digest))
    return new FaultSpool(spool, this.#plan)
  }
}

class FaultSpool implements Spool {
  readonly #inner: Spool
  readonly #plan: FaultPlan<SpoolOperation>

  constructor(inner: Spool, plan: FaultPlan<SpoolOperation>) {
    this.#inner = inner
    this.#plan = plan
  }

  get path(): string {
    return this.#inner.path
  }

  get sizeBytes(): number {
    return this.#inner.sizeBytes
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.#plan.pass('append', () => this.#inner.append(bytes))
  }

  readAt(into: Uint8Array, position: number): Promise<number> {
    return this.#plan.pass('readAt', () => this.#inner.readAt(into, position))
  }

  sync(): Promise<void> {
    return this.#plan.pass('sync', () => this.#inner.sync())
  }

  moveTo(path: string): Promise<void> {
    return this.#plan.pass('moveTo', () => this.#inner.moveTo(path))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]()
  }
}
