import type { RepositoryId } from '../../src/inventory/inventory.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { Referrer, Referring } from '../../src/oci/referrers.ts'
import { keyOf } from './repository-keys.ts'

interface Entry {
  repository: string
  subject: Digest
  referrer: Referrer
}

/** What refers to what, as simply as it can be said. */
export class SubjectsModel {
  #entries: Entry[] = []

  put(repository: RepositoryId, { subject, referrer }: Referring): void {
    const known = this.referringTo(repository, subject)
    if (known.some(({ digest }) => digest === referrer.digest)) return
    this.#entries.push({ repository: keyOf(repository), subject, referrer })
  }

  referringTo(repository: RepositoryId, subject: Digest): Referrer[] {
    return this.#entries
      .filter((entry) => entry.repository === keyOf(repository) && entry.subject === subject)
      .map(({ referrer }) => referrer)
      .sort((a, b) => (a.digest < b.digest ? -1 : 1))
  }

  /** What content refers to in a repository. */
  of(digest: Digest, repository: RepositoryId): Digest[] {
    return this.#entries
      .filter((entry) => entry.repository === keyOf(repository))
      .filter(({ referrer }) => referrer.digest === digest)
      .map(({ subject }) => subject)
      .sort()
  }

  /** Of one repository, or of all. */
  forget(digest: Digest, repository?: RepositoryId): void {
    this.#entries = this.#entries.filter(
      (entry) =>
        entry.referrer.digest !== digest || (repository && entry.repository !== keyOf(repository)),
    )
  }
}
