import { createHash } from 'node:crypto'
import { type Digest, finishDigest } from '../oci/digest.ts'
import type { UploadId } from './upload-id.ts'

const MAX_HASHES = 1000

/** The sha256 of what was appended to an upload. */
class UploadHash {
  readonly #hash = createHash('sha256')
  bytes = 0

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes)
    this.bytes += bytes.length
  }

  digest(): Digest {
    return finishDigest('sha256', this.#hash.copy())
  }
}

/** Hashes that go on with what is appended, of the uploads that went on last. */
export class UploadHashes {
  readonly #hashes = new Map<UploadId, UploadHash>()

  /** That of all the bytes that an upload has; `undefined` where it is not known. */
  of(id: UploadId, sizeBytes: number): UploadHash | undefined {
    const known = this.#hashes.get(id)
    this.#hashes.delete(id)
    const hash = sizeBytes === 0 ? new UploadHash() : known
    // An append that has failed has left less than was hashed.
    if (hash?.bytes !== sizeBytes) return undefined
    this.#hashes.set(id, hash)
    const [oldest] = this.#hashes.keys()
    if (oldest !== undefined && this.#hashes.size > MAX_HASHES) this.#hashes.delete(oldest)
    return hash
  }

  forget(id: UploadId): void {
    this.#hashes.delete(id)
  }
}
