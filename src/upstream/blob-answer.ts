import {
  rangeLength,
  resolveRange,
  UnsatisfiableRangeError,
  wholeRange,
  type ByteRange,
  type RangeSpec,
} from '../oci/range.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { ByteReader } from '../util/byte-reader.ts'
import { SectionReader } from './section-reader.ts'
import type { TransportResponse } from './exchange.ts'

export interface BlobSection {
  /** Of the whole blob. */
  sizeBytes: number
  range: ByteRange
  body: ByteReader
}

/** `Range` for a spec. */
export function formatRange(spec: RangeSpec): string {
  if ('suffixBytes' in spec) return `bytes=-${spec.suffixBytes}`
  return `bytes=${spec.first}-${spec.last ?? ''}`
}

/**
 * The bytes of a 200 answer that were asked for: whoever ignores a range sends all, and what was
 * not asked for is skipped. Throws UnsatisfiableRangeError.
 */
export function sectionOfWhole(
  upstream: string,
  body: ByteReader,
  sizeBytes: number,
  spec: RangeSpec | undefined,
): BlobSection {
  const range = spec ? resolveRange(spec, sizeBytes) : wholeRange(sizeBytes)
  const reader = new SectionReader(upstream, body, range.first, rangeLength(range))
  return { sizeBytes, range, body: reader }
}

/** The bytes of a 206 answer, if they are those that were asked for. Throws UpstreamError `invalid`. */
export function sectionOfPart(
  upstream: string,
  { url, headers, declaredBytes, body }: TransportResponse,
  spec: RangeSpec,
): BlobSection {
  const header = headers['content-range'] ?? ''
  const [, first, last, size] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/i.exec(header) ?? []
  const sizeBytes = Number(size)
  const range = { first: Number(first), last: Number(last) }
  const isRight =
    isAnswerTo(spec, range, sizeBytes) &&
    (declaredBytes === undefined || declaredBytes === rangeLength(range))
  if (!isRight) {
    const asked = formatRange(spec)
    const message = `${upstream}: ${url.host} answered ${asked} with "${header}"`
    throw new UpstreamError(upstream, 'invalid', message)
  }
  return { sizeBytes, range, body: new SectionReader(upstream, body, 0, rangeLength(range)) }
}

/** The size in `Content-Range` of a 416 answer. */
export function sizeOfUnsatisfied({ headers }: TransportResponse): number | undefined {
  const match = /^bytes \*\/(\d{1,15})$/i.exec(headers['content-range'] ?? '')
  return match ? Number(match[1]) : undefined
}

function isAnswerTo(spec: RangeSpec, range: ByteRange, sizeBytes: number): boolean {
  try {
    const { first, last } = resolveRange(spec, sizeBytes)
    return first === range.first && last === range.last
  } catch (error) {
    if (error instanceof UnsatisfiableRangeError) return false
    throw error
  }
}
