/** The bytes `first` to `last` of some content, both included, counted from 0. */
export interface ByteRange {
  first: number
  last: number
}

/** A single range as a client asks for it, before the size is known (RFC 9110 section 14.1.2). */
export type RangeSpec = { first: number; last?: number } | { suffixBytes: number }

/** The range lies outside the content: status 416 with `Content-Range: bytes *\/size`. */
export class UnsatisfiableRangeError extends Error {
  override readonly name = 'UnsatisfiableRangeError'
  readonly sizeBytes: number

  constructor(sizeBytes: number) {
    super(`range outside of ${sizeBytes} bytes`)
    this.sizeBytes = sizeBytes
  }
}

/**
 * Reads a `Range` header. `undefined` for what is to be ignored and answered whole: another unit,
 * several ranges, or bad syntax (RFC 9110 section 14.2).
 */
export function parseRange(header: string): RangeSpec | undefined {
  const match = /^bytes=[ \t]*(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))[ \t]*$/i.exec(header)
  if (!match) return undefined
  const [, first, last, suffix] = match
  if (suffix !== undefined) return { suffixBytes: Number(suffix) }
  return last ? { first: Number(first), last: Number(last) } : { first: Number(first) }
}

/**
 * The bytes a spec means in content of `sizeBytes`. Throws UnsatisfiableRangeError, also for a range
 * that ends before it begins: as other servers do, and the conformance suite of the spec expects.
 */
export function resolveRange(spec: RangeSpec, sizeBytes: number): ByteRange {
  if ('suffixBytes' in spec) {
    if (spec.suffixBytes === 0 || sizeBytes === 0) throw new UnsatisfiableRangeError(sizeBytes)
    return { first: Math.max(0, sizeBytes - spec.suffixBytes), last: sizeBytes - 1 }
  }
  const { first, last = sizeBytes - 1 } = spec
  if (first >= sizeBytes || last < first) throw new UnsatisfiableRangeError(sizeBytes)
  return { first, last: Math.min(last, sizeBytes - 1) }
}

/** The whole of the content; empty content gives `last` -1. */
export function wholeRange(sizeBytes: number): ByteRange {
  return { first: 0, last: sizeBytes - 1 }
}

export function rangeLength(range: ByteRange): number {
  return range.last - range.first + 1
}
