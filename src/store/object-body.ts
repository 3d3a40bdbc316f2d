import type { S3Connection } from './s3-connection.ts'

export interface ObjectBodyOptions {
  connection: S3Connection
  lengthBytes: number
  /** How long nothing may come while somebody reads. */
  idleMs: number
  /** Called once all of it was read. */
  ended: () => void
}

/** The body of an answer, which comes no faster than it is read. */
export class ObjectBody {
  readonly #options: ObjectBodyOptions
  #leftBytes: number

  constructor(options: ObjectBodyOptions) {
    this.#options = options
    this.#leftBytes = options.lengthBytes
    if (this.#leftBytes === 0) options.ended()
  }

  /** Waits for bytes, one read at a time; 0 at the end. */
  async read(into: Uint8Array): Promise<number> {
    if (this.#leftBytes === 0) return 0
    const { connection, idleMs, ended } = this.#options
    const fitting = this.#leftBytes < into.length ? into.subarray(0, this.#leftBytes) : into
    const count = await connection.within(idleMs, connection.read(fitting))
    this.#leftBytes -= count
    if (this.#leftBytes === 0) ended()
    return count
  }

  /** Rejects a read that is waiting. */
  destroy(): void {
    if (this.#leftBytes > 0) this.#options.connection.destroy(new Error('nobody reads on'))
  }
}
