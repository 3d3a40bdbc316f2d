import type { Digest } from '../../src/oci/digest.ts'
import type { Spool, SpoolFolder } from '../../src/store/spool.ts'

/** Spools that are counted and into whose operations a test can step. */
export class WatchedSpools implements SpoolFolder {
  readonly #inner: SpoolFolder
  /** Spools that were made and are not disposed. */
  open = 0
  beforeCreate: () => Promise<void> = () => Promise.resolve()
  beforeAppend: (spool: Spool, bytes: Uint8Array) => Promise<void> = () => Promise.resolve()
  beforeRead: () => Promise<void> = () => Promise.resolve()
  afterDispose: () => Promise<void> = () => Promise.resolve()

  constructor(inner: SpoolFolder) {
    this.#inner = inner
  }

  async create(digest: Digest): Promise<Spool> {
    await this.beforeCreate()
    const spool = new WatchedSpool(this, await this.#inner.create(digest))
    this.open++
    return spool
  }
}

class WatchedSpool implements Spool {
  readonly #spools: WatchedSpools
  readonly #inner: Spool

  constructor(spools: WatchedSpools, inner: Spool) {
    this.#spools = spools
    this.#inner = inner
  }

  get path(): string {
    return this.#inner.path
  }

  get sizeBytes(): number {
    return this.#inner.sizeBytes
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#spools.beforeAppend(this.#inner, bytes)
    await this.#inner.append(bytes)
  }

  async readAt(into: Uint8Array, position: number): Promise<number> {
    await this.#spools.beforeRead()
    return this.#inner.readAt(into, position)
  }

  sync(): Promise<void> {
    return this.#inner.sync()
  }

  moveTo(path: string): Promise<void> {
    return this.#inner.moveTo(path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#spools.open--
    await this.#inner[Symbol.asyncDispose]()
    await this.#spools.afterDispose()
  }
}
