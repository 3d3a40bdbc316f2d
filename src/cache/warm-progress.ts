import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Fills } from './fills.ts'
import type { Progress } from './operations.ts'

/** How far a run of warming has come, in bytes of blobs. */
export class WarmProgress {
  readonly #fills: Pick<Fills, 'get'>
  readonly #underWay = new Map<Digest, number>()
  #unknownImages: number
  #totalBytes = 0
  #doneBytes = 0

  constructor(fills: Pick<Fills, 'get'>, images: number) {
    this.#fills = fills
    this.#unknownImages = images
  }

  /** What the next image needs has become known. */
  expect(bytes: number): void {
    this.#unknownImages--
    this.#totalBytes += bytes
  }

  begin({ digest, sizeBytes }: Descriptor): void {
    this.#underWay.set(digest, sizeBytes)
  }

  end({ digest, sizeBytes }: Descriptor): void {
    this.#underWay.delete(digest)
    this.#doneBytes += sizeBytes
  }

  /** Nothing more is done for the images so far. */
  settle(): void {
    this.#doneBytes = this.#totalBytes
  }

  get current(): Progress {
    const parts = Array.from(this.#underWay, ([digest, total]) => ({
      digest,
      done: this.#fills.get(digest)?.status.bytes ?? 0,
      total,
    }))
    return {
      done: parts.reduce((sum, { done }) => sum + done, this.#doneBytes),
      total: this.#unknownImages > 0 ? undefined : this.#totalBytes,
      unit: 'bytes',
      parts,
    }
  }
}
