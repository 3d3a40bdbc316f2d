import type { Digest } from '../../../src/oci/digest.ts'
import type { TestImage } from '../images.ts'

interface Manifest {
  mediaType: string
  bytes: Buffer
}

interface RepositoryContent {
  tags: Map<string, Digest>
  manifests: Map<string, Manifest>
  blobs: Map<string, Buffer>
}

/** What the hub holds. */
export class HubContent {
  readonly #repositories = new Map<string, RepositoryContent>()
  readonly #blobs = new Map<string, Buffer>()

  /** Puts the image there, and lets the tag name it from now on. */
  add(repository: string, tag: string, image: TestImage): void {
    const content = this.#repositories.get(repository) ?? {
      tags: new Map(),
      manifests: new Map(),
      blobs: new Map(),
    }
    this.#repositories.set(repository, content)
    content.tags.set(tag, image.root.digest)
    for (const [digest, manifest] of image.manifests) content.manifests.set(digest, manifest)
    for (const [digest, bytes] of image.blobs) {
      content.blobs.set(digest, bytes)
      this.#blobs.set(digest, bytes)
    }
  }

  /** The tag is gone; what it named can still be had by digest. */
  untag(repository: string, tag: string): void {
    this.#repositories.get(repository)?.tags.delete(tag)
  }

  manifest(repository: string, target: string): (Manifest & { digest: string }) | undefined {
    const content = this.#repositories.get(repository)
    const digest = content?.tags.get(target) ?? target
    const manifest = content?.manifests.get(digest)
    return manifest && { ...manifest, digest }
  }

  blob(repository: string, digest: string): Buffer | undefined {
    return this.#repositories.get(repository)?.blobs.get(digest)
  }

  /** A blob as the CDN knows it: of no repository. */
  anyBlob(digest: string): Buffer | undefined {
    return this.#blobs.get(digest)
  }

  tags(repository: string): string[] | undefined {
    const content = this.#repositories.get(repository)
    return content && [...content.tags.keys()].sort()
  }
}
