import type { RepositoryId } from '../inventory/inventory.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, digestOf, type Digest } from '../oci/digest.ts'
import { parseManifestType, recognizeManifest, type ManifestContent } from '../oci/manifest.ts'
import type { Reference, Repository, Tag } from '../oci/reference.ts'
import { referringOf } from '../oci/referrers.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { Clock } from '../util/clock.ts'
import type { KeyedLock } from '../util/keyed-lock.ts'
import type { ContentKeeper } from './content-keeper.ts'
import { missingOf, type MissingOptions } from './missing.ts'
import type { Quota } from './quota.ts'
import type { HostedTags } from './tags.ts'

export interface ManifestsOptions extends MissingOptions {
  registry: string
  keeper: ContentKeeper
  tags: HostedTags
  clock: Clock
  /** Who changes a repository has its lock. */
  locks: KeyedLock<Repository>
  quota: Quota
}

export interface PushedManifest {
  contentType: string | undefined
  bytes: Uint8Array
  /** Besides that of the reference. */
  tags: readonly Tag[]
  /** Who pushes it, where that is known. */
  by: string | undefined
}

export interface Pushed {
  descriptor: Descriptor
  /** What it refers to, if it does. */
  subject: Digest | undefined
}

/**
 * Manifests and tags that are pushed and deleted (distribution-spec, Pushing manifests and
 * Content Management). What has resolved is durable. One change of a repository at a time.
 */
export class HostedManifests {
  readonly #options: ManifestsOptions
  readonly #locks: KeyedLock<Repository>

  constructor(options: ManifestsOptions) {
    this.#options = options
    this.#locks = options.locks
  }

  /**
   * Keeps a manifest, byte for byte, and lets its tag, and `tags`, stand for it. Throws RegistryError
   * `MANIFEST_INVALID`, `DIGEST_INVALID` where it is not what the reference says,
   * `MANIFEST_BLOB_UNKNOWN` where the repository does not have all that it names, and `DENIED` where
   * it may have no more, or a tag is immutable and stands for something else.
   */
  async put(
    ref: Reference,
    { contentType, bytes, tags: furtherTags, by }: PushedManifest,
    signal: AbortSignal,
  ): Promise<Pushed> {
    const { inventory, keeper, quota, tags } = this.#options
    const content = read(contentType, bytes)
    const algorithm = ref.kind === 'digest' ? algorithmOf(ref.digest) : 'sha256'
    const digest = digestOf(bytes, algorithm)
    if (ref.kind === 'digest' && ref.digest !== digest) {
      throw new RegistryError('DIGEST_INVALID', `the bytes hash to ${digest}`)
    }
    const repository = this.#id(ref.repository)
    using _lock = await this.#locks.acquire(ref.repository, signal)
    const pushedTags = ref.kind === 'tag' ? [ref.tag, ...furtherTags] : furtherTags
    await tags.demandMovable(repository, pushedTags, digest)
    await this.#demandWhole(repository, content)
    const descriptor = { mediaType: content.mediaType, digest, sizeBytes: bytes.length }
    const children = [...content.manifests, ...content.blobs]
    using _room = await quota.admit(ref.repository, descriptor, signal)
    const referring = referringOf(descriptor, bytes)
    await keeper.putManifest(repository, descriptor, bytes, children, referring)
    for (const tag of pushedTags) await tags.put(repository, tag, descriptor, by)
    await inventory.sync()
    return { descriptor, subject: referring?.subject }
  }

  /**
   * A tag goes alone; a manifest goes with its tags. False where there is none. Throws
   * RegistryError `DENIED` where a tag is immutable.
   */
  async delete(ref: Reference, signal: AbortSignal): Promise<boolean> {
    const { inventory, tags } = this.#options
    const repository = this.#id(ref.repository)
    using _lock = await this.#locks.acquire(ref.repository, signal)
    let isGone: boolean
    if (ref.kind === 'tag') {
      isGone = await tags.delete(repository, ref.tag)
    } else {
      await tags.demandUntagged(repository, ref.digest)
      isGone = await inventory.unlink(ref.digest, repository)
    }
    await inventory.sync()
    return isGone
  }

  /** False where there is none. Throws RegistryError `DENIED` where a manifest of the repository names it. */
  async deleteBlob(name: Repository, digest: Digest, signal: AbortSignal): Promise<boolean> {
    const { inventory } = this.#options
    const repository = this.#id(name)
    using _lock = await this.#locks.acquire(name, signal)
    if (!(await inventory.isLinked(digest, repository))) return false
    const user = await this.#manifestNaming(digest, repository)
    if (user) throw new RegistryError('DENIED', `${user} needs it`)
    await inventory.unlink(digest, repository)
    await inventory.sync()
    return true
  }

  /** Whether a repository has a blob that can be mounted. */
  async canMount(digest: Digest, from: RepositoryId): Promise<boolean> {
    return this.#options.inventory.isLinked(digest, from)
  }

  /** Whether one of the hosted repositories has it that are open to who asks. */
  async canMountFromAny(
    digest: Digest,
    isOpen: (repository: RepositoryId) => boolean,
  ): Promise<boolean> {
    const { inventory, registry } = this.#options
    const owners = await inventory.repositoriesOf(digest)
    return owners.some((owner) => owner.registry === registry && isOpen(owner))
  }

  /**
   * Lets the repository have a blob that is here, without a byte on the way; false where it is
   * gone, or a manifest, whose parts it may not have. Throws RegistryError `DENIED` where it may
   * have no more.
   */
  async mount(name: Repository, digest: Digest, signal: AbortSignal): Promise<boolean> {
    const { inventory, quota, clock } = this.#options
    const content = await inventory.held(digest)
    if (content?.kind !== 'blob') return false
    using _room = await quota.admit(name, content, signal)
    const isLinked = await inventory.link(digest, this.#id(name), clock.now())
    await inventory.sync()
    return isLinked
  }

  async #demandWhole(repository: RepositoryId, content: ManifestContent): Promise<void> {
    const missing = await missingOf(this.#options, repository, content)
    if (missing.length === 0) return
    throw new RegistryError('MANIFEST_BLOB_UNKNOWN', 'the manifest names what is not here', {
      detail: missing.map((digest) => ({ digest })),
    })
  }

  async #manifestNaming(digest: Digest, repository: RepositoryId): Promise<Digest | undefined> {
    const { inventory } = this.#options
    for (const candidate of await inventory.lineage(digest)) {
      if (candidate.digest === digest) continue
      if (await inventory.isLinked(candidate.digest, repository)) return candidate.digest
    }
    return undefined
  }

  #id(name: Repository): RepositoryId {
    return { registry: this.#options.registry, name }
  }
}

/** Bytes have one type wherever they are pushed: content is here once, and is served as that. */
function read(contentType: string | undefined, bytes: Uint8Array): ManifestContent {
  const content = recognizeManifest(bytes)
  const isOfType =
    contentType === undefined || parseManifestType(contentType) === content?.mediaType
  if (content && isOfType) return content
  throw new RegistryError('MANIFEST_INVALID', `not a manifest of type ${contentType ?? 'OCI'}`)
}
