/** no-space: the disk or quota is full; corrupt: not the bytes that were put; io: anything else. */
export type StoreErrorKind = 'no-space' | 'corrupt' | 'io'

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly kind: StoreErrorKind

  constructor(kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}
