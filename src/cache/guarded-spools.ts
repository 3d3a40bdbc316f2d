import type { Digest } from '../oci/digest.ts'
import type { Spool, SpoolFolder } from '../store/spool.ts'
import type { Space } from './space.ts'

/** Spools that are only made while there is space, and that tell when the disk refuses a write. */
export class GuardedSpools implements SpoolFolder {
  readonly #inner: SpoolFolder
  readonly #space: Space

  constructor(inner: SpoolFolder, space: Space) {
    this.#inner = inner
    this.#space = space
  }

  async create(digest: Digest): Promise<Spool> {
    const spool = await this.#space.relieved(async () => {
      await this.#space.enter()
      return this.#space.watch(this.#inner.create(digest))
    })
    return new GuardedSpool(spool, this.#space)
  }
}

class GuardedSpool implements Spool {
  readonly #inner: Spool
  readonly #space: Space

  constructor(inner: Spool, space: Space) {
    this.#inner = inner
    this.#space = space
  }

  get path(): string {
    return this.#inner.path
  }

  get sizeBytes(): number {
    return this.#inner.sizeBytes
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.#space.relieved(async () => {
      this.#space.refuseWrites()
      await this.#space.watch(this.#inner.append(bytes))
    })
  }

  readAt(into: Uint8Array, position: number): Promise<number> {
    return this.#inner.readAt(into, position)
  }

  sync(): Promise<void> {
    return this.#space.watch(this.#inner.sync())
  }

  moveTo(path: string): Promise<void> {
    return this.#space.watch(this.#inner.moveTo(path))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]()
  }
}
