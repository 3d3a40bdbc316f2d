import type { Candidate, Image, Inventory } from '../../src/inventory/inventory.ts'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import { isIndexType } from '../../src/oci/manifest.ts'
import type { Repository } from '../../src/oci/reference.ts'
import type { Source } from '../../src/oci/source.ts'
import { drained } from '../cache/fill-rig.ts'
import { byDigest, never } from '../cache/mirror-rig.ts'
import type { WorldImage } from './eviction-world.ts'

/** What is true of a mirror's holdings, found out without using them. */
export class EvictionFacts {
  readonly #world: WorldImage[]
  readonly #inventory: Inventory
  /** A mirror that records no uses. */
  readonly #mirror: Source

  constructor(world: WorldImage[], inventory: Inventory, mirror: Source) {
    this.#world = world
    this.#inventory = inventory
    this.#mirror = mirror
  }

  listed(): Promise<Image[]> {
    return this.#inventory.images({ repository: undefined, after: undefined, limit: 1_000 })
  }

  async roots(): Promise<Candidate[]> {
    const query = { after: undefined, limit: 1_000 }
    return [
      ...(await this.#inventory.roots({ ...query, usage: 'once' })),
      ...(await this.#inventory.roots({ ...query, usage: 'again' })),
    ]
  }

  /** The listed images that hold all that a client needs: of an index one image. */
  async wholeImages(): Promise<Set<string>> {
    const whole = new Set<string>()
    for (const { repository, digest } of await this.listed()) {
      if (await this.isWhole(digest)) whole.add(`${repository.name}@${digest}`)
    }
    return whole
  }

  async isWhole(digest: Digest): Promise<boolean> {
    const { manifests, blobs } = this.#childrenOf(digest)
    for (const blob of blobs) if (!(await this.#inventory.held(blob))) return false
    for (const child of manifests) {
      if (!(await this.#inventory.held(child))) continue
      if (await this.isWhole(child)) return true
    }
    return manifests.length === 0
  }

  /** All that names it in the world, held or not. */
  parentsOf(digest: Digest): Digest[] {
    const all = this.#world.flatMap(({ children }) => [...children])
    const parents = all.filter(([, named]) => named.includes(digest)).map(([parent]) => parent)
    return [...new Set(parents)]
  }

  /** These and all that is held of what they name. */
  async heldBelow(digests: Iterable<Digest>): Promise<Set<Digest>> {
    const held = new Set(digests)
    for (const digest of held) {
      if (!(await this.#inventory.held(digest))) {
        held.delete(digest)
        continue
      }
      const image = this.#world.find(({ children }) => children.has(digest))
      for (const child of image?.children.get(digest) ?? []) held.add(child)
    }
    return held
  }

  /** Pulls it with all that is held of what it names. */
  async isPulled(repository: Repository, digest: Digest): Promise<boolean> {
    const ref = byDigest(digest, repository)
    const manifest = await this.#mirror.manifest(ref, { signal: never })
    const { manifests, blobs } = this.#childrenOf(digest)
    for (const child of manifests) {
      if (!(await this.#inventory.held(child)) || !(await this.isWhole(child))) continue
      if (!(await this.isPulled(repository, child))) return false
    }
    for (const child of blobs) {
      const blob = await this.#mirror.blob(repository, child, { signal: never })
      const { bytes } = await drained(blob!.body)
      if (digestOf(bytes) !== child) return false
    }
    return manifest?.descriptor.digest === digest
  }

  #childrenOf(digest: Digest): { manifests: Digest[]; blobs: Digest[] } {
    const image = this.#world.find(({ children }) => children.has(digest))!
    const named = image.children.get(digest)!
    const isIndex = isIndexType(image.manifests.get(digest)!.mediaType)
    return isIndex ? { manifests: named, blobs: [] } : { manifests: [], blobs: named }
  }
}
