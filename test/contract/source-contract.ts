import { describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../../src/oci/manifest.ts'
import { UnsatisfiableRangeError, type RangeSpec } from '../../src/oci/range.ts'
import { parseRepository, parseTag, type Reference } from '../../src/oci/reference.ts'
import type { ReferrerFilter } from '../../src/oci/referrers.ts'
import type { Blob, Source } from '../../src/oci/source.ts'
import { readAll } from '../../src/util/byte-reader.ts'
import { SBOM_TYPE, SIGNATURE_TYPE, buildArtifact } from '../support/artifacts.ts'
import { startFakeHub, type FakeHub } from '../support/fake-hub/fake-hub.ts'
import { buildImage, buildIndex, bytesOf } from '../support/images.ts'

interface SourceUnderTest extends AsyncDisposable {
  source: Source
}

/** Makes a source of what the hub holds. Its patience with the hub ends within a second. */
type MakeSource = (hub: FakeHub) => SourceUnderTest | Promise<SourceUnderTest>

const repository = parseRepository('library/demo')!
const unknownRepository = parseRepository('library/unknown')!
const unknownDigest = digestOf(Buffer.from('unknown'))
const signal = new AbortController().signal

const oci = await buildImage({ seed: 'oci', layerBytes: 200_000 })
const docker = await buildImage({ seed: 'docker', format: 'docker' })
const images = {
  'oci-image': oci,
  'docker-image': docker,
  'oci-index': buildIndex({ amd64: oci }),
  'docker-list': buildIndex({ amd64: docker }, 'docker'),
}
const layer = [...oci.blobs].find(([, bytes]) => bytes.length > 200_000)!
const [layerDigest, layerBytes] = [layer[0], layer[1]]

const annotations = { 'org.example.signer': 'somebody' }
const signature = buildArtifact({ subject: oci.root, annotations })
const sbom = buildArtifact({ subject: oci.root, artifactType: SBOM_TYPE })

function tagged(tag: string, name = repository): Reference {
  return { kind: 'tag', repository: name, tag: parseTag(tag)! }
}

async function startHub(): Promise<FakeHub> {
  const hub = await startFakeHub()
  for (const [tag, image] of Object.entries(images)) hub.add(repository, tag, image)
  for (const artifact of [signature, sbom]) hub.addUntagged(repository, artifact)
  return hub
}

async function bytesOfBlob(blob: Blob | undefined): Promise<Buffer> {
  await using body = blob!.body
  return Buffer.from(await readAll(body, 10_000_000))
}

/** What every source promises, whatever is behind it. */
export function sourceContract(name: string, make: MakeSource): void {
  describe(`${name} as a source`, () => {
    it('gives undefined for what is not there', async () => {
      await using hub = await startHub()
      await using made = await make(hub)
      const { source } = made
      const byDigest: Reference = { kind: 'digest', repository, digest: unknownDigest }
      expect(await source.resolve(tagged('unknown'), { signal })).toBeUndefined()
      expect(await source.manifest(tagged('unknown'), { signal })).toBeUndefined()
      expect(await source.resolve(byDigest, { signal })).toBeUndefined()
      expect(await source.manifest(byDigest, { signal })).toBeUndefined()
      expect(await source.statBlob(repository, unknownDigest, { signal })).toBeUndefined()
      expect(await source.blob(repository, unknownDigest, { signal })).toBeUndefined()
      expect(await source.tags(unknownRepository, {}, { signal })).toBeUndefined()
    })

    it.each(Object.entries(images))(
      'gives the %s byte for byte',
      async (tag, { root, manifests }) => {
        await using hub = await startHub()
        await using made = await make(hub)
        const byDigest: Reference = { kind: 'digest', repository, digest: root.digest }
        for (const ref of [tagged(tag), byDigest]) {
          const resolved = await made.source.resolve(ref, { signal })
          expect(resolved?.descriptor).toEqual(root)
          const manifest = await made.source.manifest(ref, { signal })
          expect(manifest?.descriptor).toEqual(root)
          expect(Buffer.from(manifest!.bytes)).toEqual(manifests.get(root.digest)!.bytes)
        }
      },
    )

    it('gives a blob, and its size beforehand', async () => {
      await using hub = await startHub()
      await using made = await make(hub)
      const stat = await made.source.statBlob(repository, layerDigest, { signal })
      expect(stat?.descriptor.sizeBytes).toBe(layerBytes.length)
      const blob = await made.source.blob(repository, layerDigest, { signal })
      expect(blob?.descriptor).toEqual(stat?.descriptor)
      expect(blob?.range).toEqual({ first: 0, last: layerBytes.length - 1 })
      expect(await bytesOfBlob(blob)).toEqual(layerBytes)
    })

    const size = layerBytes.length
    const ranges: [RangeSpec, number, number][] = [
      [{ first: 0, last: 0 }, 0, 0],
      [{ first: 1000, last: 150_000 }, 1000, 150_000],
      [{ first: 150_000 }, 150_000, size - 1],
      [{ first: 10, last: size * 2 }, 10, size - 1],
      [{ suffixBytes: 7 }, size - 7, size - 1],
      [{ suffixBytes: size * 2 }, 0, size - 1],
    ]
    it.each(ranges)('gives the range %j of a blob', async (range, first, last) => {
      await using hub = await startHub()
      await using made = await make(hub)
      const blob = await made.source.blob(repository, layerDigest, { range, signal })
      expect(blob?.range).toEqual({ first, last })
      expect(blob?.descriptor.sizeBytes).toBe(size)
      expect(await bytesOfBlob(blob)).toEqual(layerBytes.subarray(first, last + 1))
    })

    it('gives a range of a blob where upstream ignores ranges', async () => {
      await using hub = await startHub()
      await using made = await make(hub)
      hub.fault({}, { kind: 'ignore-range' })
      const range = { first: 123_456, last: 123_999 }
      const blob = await made.source.blob(repository, layerDigest, { range, signal })
      expect(blob?.range).toEqual(range)
      expect(await bytesOfBlob(blob)).toEqual(layerBytes.subarray(123_456, 124_000))
    })

    it('refuses a range outside of the blob, with its size', async () => {
      await using hub = await startHub()
      await using made = await make(hub)
      const asked = made.source.blob(repository, layerDigest, { range: { first: size }, signal })
      const error = await asked.catch((error: unknown) => error)
      expect(error).toBeInstanceOf(UnsatisfiableRangeError)
      expect(error).toMatchObject({ sizeBytes: size })
    })

    it('lists tags, page by page', async () => {
      await using hub = await startHub()
      await using made = await make(hub)
      const { source } = made
      const all = Object.keys(images).sort()
      expect(await source.tags(repository, {}, { signal })).toEqual({ tags: all, hasMore: false })
      const first = await source.tags(repository, { limit: 3 }, { signal })
      expect(first).toEqual({ tags: all.slice(0, 3), hasMore: true })
      const rest = await source.tags(repository, { limit: 3, after: all[2]! }, { signal })
      expect(rest).toEqual({ tags: all.slice(3), hasMore: false })
    })

    it('lists what refers to a manifest, all of it or of one type', async () => {
      await using hub = await startHub()
      await using made = await make(hub)
      const list = async (filter: ReferrerFilter, digest = oci.root.digest) =>
        (await made.source.referrers(repository, digest, filter, { signal })).referrers
      expect(await list({})).toEqual([signature.referrer, sbom.referrer])
      expect(await list({ artifactType: SIGNATURE_TYPE })).toEqual([signature.referrer])
      expect(await list({ artifactType: SBOM_TYPE })).toEqual([sbom.referrer])
      expect(await list({ artifactType: 'application/other' })).toEqual([])
      expect(await list({}, docker.root.digest)).toEqual([])
      expect(await list({}, unknownDigest)).toEqual([])
    })

    it('lists no referrers in a repository that is not there', async () => {
      await using hub = await startHub()
      await using made = await make(hub)
      const { digest } = oci.root
      const list = await made.source.referrers(unknownRepository, digest, {}, { signal })
      expect(list.referrers).toEqual([])
    })

    it('ends a wait with the reason of the signal', async () => {
      await using hub = await startHub()
      await using made = await make(hub)
      const { source } = made
      const rule = hub.fault({ server: 'registry', path: /library/ }, { kind: 'hold' })
      const asks = [
        (signal: AbortSignal) => source.resolve(tagged('oci-image'), { signal }),
        (signal: AbortSignal) => source.manifest(tagged('docker-image'), { signal }),
        (signal: AbortSignal) => source.statBlob(repository, layerDigest, { signal }),
        (signal: AbortSignal) => source.blob(repository, layerDigest, { signal }),
        (signal: AbortSignal) => source.tags(repository, {}, { signal }),
        (signal: AbortSignal) => source.referrers(repository, oci.root.digest, {}, { signal }),
      ]
      for (const [index, ask] of asks.entries()) {
        const reason = new Error('the client has left')
        const leaving = new AbortController()
        const asked = ask(leaving.signal).catch((error: unknown) => error)
        await rule.held(index + 1)
        leaving.abort(reason)
        expect(await asked).toBe(reason)
        const late = await ask(leaving.signal).catch((error: unknown) => error)
        expect(late).toBe(reason)
      }
    })

    it('says what kind of trouble upstream is in', async () => {
      await using hub = await startHub()
      const kindOf = async () => {
        await using made = await make(hub)
        const asked = made.source.manifest(tagged('oci-image'), { signal })
        return await asked.catch((error: unknown) => error)
      }
      const cases = [
        [
          { kind: 'answer', status: 500 },
          { kind: 'server', status: 500 },
        ],
        [
          { kind: 'answer', status: 403 },
          { kind: 'denied', status: 403 },
        ],
        [
          {
            kind: 'answer',
            status: 429,
            headers: { 'retry-after': '60', 'ratelimit-remaining': '0;w=60' },
          },
          { kind: 'rate-limited', status: 429 },
        ],
        [
          { kind: 'answer', status: 429, headers: { 'retry-after': '60' } },
          { kind: 'abuse-limited', status: 429 },
        ],
        [{ kind: 'hang-up' }, { kind: 'unreachable' }],
        [{ kind: 'flip', atByte: 5 }, { kind: 'invalid' }],
        [
          { kind: 'answer', status: 200, body: bytesOf('large', MAX_MANIFEST_BYTES + 1) },
          { kind: 'invalid' },
        ],
      ] as const
      for (const [fault, expected] of cases) {
        const rule = hub.fault({ server: 'registry', method: 'GET', path: /manifests/ }, fault)
        const error = await kindOf()
        expect(error).toMatchObject({ name: 'UpstreamError', ...expected })
        rule.remove()
      }
      await hub.goDown()
      expect(await kindOf()).toMatchObject({ name: 'UpstreamError', kind: 'unreachable' })
    })
  })
}
