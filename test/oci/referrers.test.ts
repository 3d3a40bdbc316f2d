import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { parseTag } from '../../src/oci/reference.ts'
import {
  filterReferrers,
  formatReferrers,
  parseReferrers,
  REFERRERS_TYPE,
  referrersTag,
  type Referrer,
} from '../../src/oci/referrers.ts'

const digest = digestOf(Buffer.from('content'))
const entry = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 7 }
const { size: sizeBytes, ...named } = entry

function indexOf(manifests: unknown, rest: object = {}): Buffer {
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: REFERRERS_TYPE, manifests, ...rest }),
  )
}

const referrer: fc.Arbitrary<Referrer> = fc.record(
  {
    mediaType: fc.string(),
    digest: fc.uint8Array().map((bytes) => digestOf(bytes)),
    sizeBytes: fc.nat(),
    artifactType: fc.string({ minLength: 1 }),
    annotations: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
  },
  { requiredKeys: ['mediaType', 'digest', 'sizeBytes'], noNullPrototype: true },
)

describe('a list of referrers', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(referrer), (referrers) => {
        expect(parseReferrers(Buffer.from(formatReferrers(referrers)))).toEqual(referrers)
      }),
    )
  })

  it('is never made of bytes that are no list', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(parseReferrers(bytes)).toBeUndefined()
        },
      ),
    )
  })

  it('keeps type and annotations of an entry, and drops what is none of them', () => {
    const annotations = { 'org.opencontainers.image.created': '2026-01-01T00:00:00Z' }
    const manifests = [
      { ...entry, artifactType: 'application/x', annotations, platform: {} },
      { ...entry, artifactType: '', annotations: { count: 1 } },
      { ...entry, digest: 'sha256:short' },
      { ...entry, size: '7' },
      null,
    ]
    expect(parseReferrers(indexOf(manifests))).toEqual([
      { ...named, sizeBytes, artifactType: 'application/x', annotations },
      { ...named, sizeBytes },
    ])
  })

  it.each([
    ['without its media type', indexOf([], { mediaType: undefined }), []],
    ['with null for none', indexOf(null), []],
    ['of another type', indexOf([], { mediaType: 'application/json' }), undefined],
    ['of another schema', indexOf([], { schemaVersion: 1 }), undefined],
    ['without entries', indexOf(undefined), undefined],
  ])('%s', (_, bytes, expected) => {
    expect(parseReferrers(bytes)).toEqual(expected)
  })

  it('is filtered by the exact type', () => {
    const one = { ...named, sizeBytes, artifactType: 'application/x' }
    const two = { ...named, sizeBytes }
    expect(filterReferrers([one, two], {})).toEqual([one, two])
    expect(filterReferrers([one, two], { artifactType: 'application/x' })).toEqual([one])
    expect(filterReferrers([one, two], { artifactType: 'application/X' })).toEqual([])
  })
})

describe('the tag that stands in for the API', () => {
  it('is the digest, cut to what a tag may hold', () => {
    expect(referrersTag(digest)).toBe(digest.replace(':', '-'))
    const long = digestOf(Buffer.from('content'), 'sha512')
    expect(referrersTag(long)).toBe(long.replace(':', '-').slice(0, 'sha512-'.length + 64))
    for (const one of [digest, long]) expect(parseTag(referrersTag(one))).toBeDefined()
  })
})
