/**
 * no-space: the disk or quota is full; corrupt: not the bytes that were put; unasked: what keeps
 * them has failed of late and is left alone for a while; io: anything else.
 */
export type StoreErrorKind = 'no-space' | 'corrupt' | 'unasked' | 'io'

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly kind: StoreErrorKind

  constructor(kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}
