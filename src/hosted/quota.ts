import type { Inventory, RepositoryId } from '../inventory/inventory.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Repository } from '../oci/reference.ts'
import { RegistryError } from '../oci/registry-error.ts'
import { formatByteSize } from '../util/byte-size.ts'
import { KeyedLock } from '../util/keyed-lock.ts'

/** So many repositories' sizes are remembered; a sum over 10,000 links takes 10 ms. */
const MAX_REMEMBERED = 10_000

export interface QuotaOptions {
  registry: string
  inventory: Inventory
  /** `undefined` where there is no limit. */
  quotaBytes: number | undefined
}

/** Content that is about to be linked, by one or several. */
interface Coming {
  sizeBytes: number
  by: number
}

/**
 * How much a repository may have: the content that it links, each once, and what is about to be
 * linked. Nobody is refused by what is remembered, which is too much where something was deleted
 * or pushed again; before that the sum is made.
 */
export class Quota {
  readonly #options: QuotaOptions
  readonly #locks = new KeyedLock<Repository>()
  readonly #coming = new Map<Repository, Map<Digest, Coming>>()
  readonly #atMostBytes = new Map<Repository, number>()

  constructor(options: QuotaOptions) {
    this.#options = options
  }

  /**
   * Makes room for content until the caller disposes it, having linked the content or not. Throws
   * RegistryError `DENIED` where there is none.
   */
  async admit(
    name: Repository,
    { digest, sizeBytes }: Pick<Descriptor, 'digest' | 'sizeBytes'>,
    signal: AbortSignal,
  ): Promise<Disposable> {
    const { quotaBytes } = this.#options
    if (quotaBytes === undefined) return { [Symbol.dispose]: () => undefined }
    using _lock = await this.#locks.acquire(name, signal)
    if (!this.#coming.get(name)?.has(digest)) {
      await this.#demandRoom(name, { digest, sizeBytes }, quotaBytes)
    }
    return this.#expect(name, digest, sizeBytes)
  }

  async #demandRoom(
    name: Repository,
    { digest, sizeBytes }: Pick<Descriptor, 'digest' | 'sizeBytes'>,
    quotaBytes: number,
  ): Promise<void> {
    const { registry, inventory } = this.#options
    const repository: RepositoryId = { registry, name }
    let atMostBytes = this.#atMostBytes.get(name) ?? Infinity
    if (atMostBytes + sizeBytes > quotaBytes) {
      const coming = this.#coming.get(name) ?? new Map<Digest, Coming>()
      const comingBytes = [...coming.values()].reduce((sum, one) => sum + one.sizeBytes, 0)
      // What comes may be linked by now, or not yet.
      const except = [digest, ...coming.keys()]
      atMostBytes = comingBytes + (await inventory.linkedBytes(repository, except))
    }
    const isOver = atMostBytes + sizeBytes > quotaBytes
    if (isOver && !(await inventory.isLinked(digest, repository))) {
      throw new RegistryError(
        'DENIED',
        `${registry}/${name} has ${atMostBytes} bytes; with ${sizeBytes} more it would have more ` +
          `than its quota of ${formatByteSize(quotaBytes)}`,
      )
    }
    if (this.#atMostBytes.size >= MAX_REMEMBERED) this.#atMostBytes.clear()
    this.#atMostBytes.set(name, atMostBytes + sizeBytes)
  }

  #expect(name: Repository, digest: Digest, sizeBytes: number): Disposable {
    const coming = this.#coming.get(name) ?? new Map<Digest, Coming>()
    const by = (coming.get(digest)?.by ?? 0) + 1
    coming.set(digest, { sizeBytes, by })
    this.#coming.set(name, coming)
    return {
      [Symbol.dispose]: () => {
        const left = (coming.get(digest)?.by ?? 0) - 1
        if (left > 0) coming.set(digest, { sizeBytes, by: left })
        else coming.delete(digest)
        if (coming.size === 0) this.#coming.delete(name)
      },
    }
  }
}
