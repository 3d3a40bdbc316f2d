import type { Digest } from '../../../src/oci/digest.ts'
import { parseObject } from '../../../src/oci/json.ts'
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

/** A descriptor. */
interface Named {
  mediaType: string
  digest: string
}

interface HubReferrer extends Named {
  size: number
  artifactType: unknown
  annotations: unknown
}

/** What the hub holds. */
export class HubContent {
  readonly #repositories = new Map<string, RepositoryContent>()
  readonly #blobs = new Map<string, Buffer>()

  /** Puts the image there, and lets the tag, where there is one, name it from now on. */
  add(repository: string, tag: string | undefined, image: TestImage): void {
    const content = this.#repositories.get(repository) ?? {
      tags: new Map(),
      manifests: new Map(),
      blobs: new Map(),
    }
    this.#repositories.set(repository, content)
    if (tag !== undefined) content.tags.set(tag, image.root.digest)
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

  /** The manifests whose subject it is, as the entries of an index; `undefined` without the repository. */
  referrers(repository: string, digest: string): HubReferrer[] | undefined {
    const content = this.#repositories.get(repository)
    if (!content) return undefined
    return [...content.manifests].flatMap(([referrer, { mediaType, bytes }]) => {
      const { subject, config, artifactType, annotations } = parseObject(bytes) ?? {}
      if ((subject as Named | undefined)?.digest !== digest) return []
      const type = artifactType ?? (config as Named | undefined)?.mediaType
      const size = bytes.length
      return [{ mediaType, digest: referrer, size, artifactType: type, annotations }]
    })
  }

  tags(repository: string): string[] | undefined {
    const content = this.#repositories.get(repository)
    return content && [...content.tags.keys()].sort()
  }
}
