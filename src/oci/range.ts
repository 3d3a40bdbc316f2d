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
  const spec = { first: Number(first) }
  if (!last) return spec
  return Number(last) < spec.first ? undefined : { ...spec, last: Number(last) }
}

/** The bytes a spec means in content of `sizeBytes`. Throws UnsatisfiableRangeError. */
export function resolveRange(spec: RangeSpec, sizeBytes: number): ByteRange {
  if ('suffixBytes' in spec) {
    if (spec.suffixBytes === 0 || sizeBytes === 0) throw new UnsatisfiableRangeError(sizeBytes)
    return { first: Math.max(0, sizeBytes - spec.suffixBytes), last: sizeBytes - 1 }
  }
  if (spec.first >= sizeBytes) throw new UnsatisfiableRangeError(sizeBytes)
  return { first: spec.first, last: Math.min(spec.last ?? sizeBytes - 1, sizeBytes - 1) }
}

/** The whole of the content; empty content gives `last` -1. */
export function wholeRange(sizeBytes: number): ByteRange {
  return { first: 0, last: sizeBytes - 1 }
}

export function rangeLength(range: ByteRange): number {
  return range.last - range.first + 1
}
