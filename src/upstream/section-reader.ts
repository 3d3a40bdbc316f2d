import { UpstreamError } from '../oci/upstream-error.ts'
import type { ByteReader } from '../util/byte-reader.ts'

const SKIP_BYTES = 64 * 1024

/**
 * So many bytes of another reader, after so many that are skipped. Rejects with UpstreamError
 * where that ends too early; what may come after is not read. Disposes it.
 */
export class SectionReader implements ByteReader {
  readonly #upstream: string
  readonly #reader: ByteReader
  #skipBytes: number
  #leftBytes: number

  constructor(upstream: string, reader: ByteReader, skipBytes: number, lengthBytes: number) {
    this.#upstream = upstream
    this.#reader = reader
    this.#skipBytes = skipBytes
    this.#leftBytes = lengthBytes
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.#skipBytes > 0) await this.#skip()
    if (this.#leftBytes === 0 || into.length === 0) return 0
    const count = await this.#some(into.subarray(0, this.#leftBytes))
    this.#leftBytes -= count
    return count
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader[Symbol.asyncDispose]()
  }

  async #skip(): Promise<void> {
    const scratch = Buffer.allocUnsafe(Math.min(SKIP_BYTES, this.#skipBytes))
    while (this.#skipBytes > 0) {
      this.#skipBytes -= await this.#some(scratch.subarray(0, this.#skipBytes))
    }
  }

  async #some(into: Uint8Array): Promise<number> {
    const count = await this.#reader.read(into)
    if (count > 0) return count
    const upstream = this.#upstream
    const message = `${upstream}: ${this.#leftBytes} bytes are missing at the end of an answer`
    throw new UpstreamError(upstream, 'unreachable', message)
  }
}
