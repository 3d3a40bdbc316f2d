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

  /** Of one repository, or of all. */
  forget(digest: Digest, repository?: RepositoryId): void {
    if (repository) this.#lists.get(digest)?.delete(keyOf(repository))
    else this.#lists.delete(digest)
  }
}
