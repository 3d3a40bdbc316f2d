import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { StoreError } from './store-error.ts'

/**
 * The growing local file of a fill: one writer appends, any number of readers read behind it.
 * Failures are StoreErrors, `no-space` when the disk is full; what was appended before stays readable.
 */
export interface Spool extends AsyncDisposable {
  readonly path: string
  /** Bytes appended so far. */
  readonly sizeBytes: number
  /**
   * Appends all of `bytes`, which must not change until it resolves. One append at a time; one
   * that failed has appended nothing.
   */
  append(bytes: Uint8Array): Promise<void>
  /** Copies bytes from `position` on, at most up to `sizeBytes`; returns how many. */
  readAt(into: Uint8Array, position: number): Promise<number>
  /** Makes what was appended durable. */
  sync(): Promise<void>
  /** Renames the file; from then on disposing only closes it, where before it also removes it. */
  moveTo(path: string): Promise<void>
}

export interface SpoolFolder {
  /** A new, empty spool; the digest is a help for who looks into the folder. */
  create(digest: Digest): Promise<Spool>
}

/** Throws StoreError `corrupt` where a spool cannot hold what is to be put from it. */
export function refuseOtherSize(descriptor: Descriptor, spool: Spool): void {
  const { digest, sizeBytes } = descriptor
  if (spool.sizeBytes === sizeBytes) return
  throw new StoreError('corrupt', `${spool.sizeBytes} bytes for ${digest} of ${sizeBytes} bytes`)
}
