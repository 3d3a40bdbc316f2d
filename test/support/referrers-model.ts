import type { ReferrersRecord, RepositoryId } from '../../src/inventory/inventory.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { keyOf } from './repository-keys.ts'

/** The lists of referrers as simply as they can be said. */
export class ReferrersModel {
  readonly #lists = new Map<Digest, Map<string, ReferrersRecord>>()

  of(digest: Digest, repository: RepositoryId): ReferrersRecord | undefined {
    return this.#lists.get(digest)?.get(keyOf(repository))
  }

  put(digest: Digest, repository: RepositoryId, record: ReferrersRecord): void {
    const lists = this.#lists.get(digest) ?? new Map<string, ReferrersRecord>()
    this.#lists.set(digest, lists.set(keyOf(repository), record))
  }

  forget(digest: Digest): void {
    this.#lists.delete(digest)
  }
}
