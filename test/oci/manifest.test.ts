import { assert, json, property, uint8Array } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import {
  isForeignLayer,
  isImage,
  isIndexType,
  isSchema1Type,
  MANIFEST_TYPES,
  parseManifest,
  parseManifestType,
  recognizeManifest,
  type ManifestContent,
  type ManifestType,
} from '../../src/oci/manifest.ts'
import { buildArtifact, buildAttestation, buildCosignSignature } from '../support/artifacts.ts'
import { buildImage, buildIndex, type TestImage } from '../support/images.ts'

const [OCI_INDEX, OCI_MANIFEST] = MANIFEST_TYPES
const DIGEST = digestOf(Buffer.from('subject'))

function bytesOf(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

describe.each(['oci', 'docker'] as const)('of the %s kind', (format) => {
  test('an image names its config and its layers', async () => {
    const image = await buildImage({ format, layers: 3 })
    const { mediaType, bytes } = image.manifests.get(image.root.digest)!
    const content = parseManifest(mediaType, bytes)!
    expect(isIndexType(mediaType)).toBe(false)
    expect(content.manifests).toEqual([])
    expect(content.blobs.map(({ digest }) => digest).sort()).toEqual([...image.blobs.keys()].sort())
  })

  test('an index names its images', async () => {
    const amd64 = await buildImage({ format, seed: 'a' })
    const arm64 = await buildImage({ format, seed: 'b' })
    const index = buildIndex({ amd64, arm64 }, format)
    const { mediaType, bytes } = index.manifests.get(index.root.digest)!
    const content = parseManifest(mediaType, bytes)!
    expect(isIndexType(mediaType)).toBe(true)
    expect(content.blobs).toEqual([])
    expect(content.manifests).toEqual([
      { ...amd64.root, platform: { os: 'linux', architecture: 'amd64' } },
      { ...arm64.root, platform: { os: 'linux', architecture: 'arm64' } },
    ])
  })
})

test('an index says which of its manifests attests which other', async () => {
  const amd64 = await buildImage({ seed: 'a' })
  const index = buildIndex({ amd64 }, 'oci', { amd64: await buildImage({ seed: 'attestation' }) })
  const content = parseManifest(OCI_INDEX, index.manifests.get(index.root.digest)!.bytes)!
  expect(content.manifests.map(({ attests }) => attests)).toEqual([undefined, amd64.root.digest])
})

test.each([
  ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', true],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', true],
  ['application/vnd.oci.image.layer.v1.tar+gzip', false],
])('a layer of the type %s may be elsewhere: %s', (type, expected) => {
  expect(isForeignLayer({ mediaType: type, digest: DIGEST, sizeBytes: 1 })).toBe(expected)
})

function contentOf({ root, manifests }: TestImage): ManifestContent | undefined {
  const { mediaType, bytes } = manifests.get(root.digest)!
  return parseManifest(mediaType, bytes)
}

describe('an artifact', () => {
  const subject = { mediaType: OCI_MANIFEST, digest: DIGEST, sizeBytes: 7 }

  test.each([
    ['of ORAS, with an empty config', buildArtifact({ subject })],
    ['of cosign, with the config of an image', buildCosignSignature(DIGEST)],
    ['of BuildKit', buildAttestation(subject)],
  ])('%s, names its blobs, not its subject, and is no image', (_, artifact) => {
    const content = contentOf(artifact)!
    expect(content.manifests).toEqual([])
    expect(content.blobs.map(({ digest }) => digest)).toEqual([...artifact.blobs.keys()])
    expect(isImage(content)).toBe(false)
  })

  test('is what has the layers of no image', async () => {
    for (const format of ['oci', 'docker'] as const) {
      for (const layers of [0, 2]) {
        expect(isImage(contentOf(await buildImage({ format, layers }))!)).toBe(true)
      }
    }
  })
})

describe('media types', () => {
  test('a manifest type may come with parameters and in any case', () => {
    expect(parseManifestType(`${OCI_INDEX.toUpperCase()} ; charset=utf-8`)).toBe(OCI_INDEX)
  })

  test.each(['application/json', 'text/html', '', `${OCI_INDEX}x`])('%j is none', (type) => {
    expect(parseManifestType(type)).toBeUndefined()
  })

  test('schema 1 is told apart from schema 2', () => {
    const docker = 'application/vnd.docker.distribution.manifest'
    expect(isSchema1Type(`${docker}.v1+json`)).toBe(true)
    expect(isSchema1Type(`${docker}.v1+prettyjws`)).toBe(true)
    expect(isSchema1Type(`${docker}.v2+json`)).toBe(false)
  })
})

describe('what is no manifest', () => {
  const config = { mediaType: 'x', digest: `sha256:${'0'.repeat(64)}`, size: 1 }

  test.each<[string, unknown]>([
    ['schema 1', { schemaVersion: 1, fsLayers: [] }],
    ['a list', []],
    ['null', null],
    ['another media type inside', { schemaVersion: 2, mediaType: OCI_INDEX, config }],
    ['no config', { schemaVersion: 2, layers: [] }],
    ['a digest that is none', { schemaVersion: 2, config: { ...config, digest: 'sha256:0' } }],
    ['a negative size', { schemaVersion: 2, config: { ...config, size: -1 } }],
    ['a broken size', { schemaVersion: 2, config: { ...config, size: 1.5 } }],
    ['a layer that is none', { schemaVersion: 2, config, layers: ['x'] }],
    ['an index as well', { schemaVersion: 2, config, layers: [], manifests: [] }],
  ])('%s', (_, value) => {
    expect(parseManifest(OCI_MANIFEST, bytesOf(value))).toBeUndefined()
  })

  test.each([
    { config, layers: [config] },
    { manifests: [], config },
    { manifests: [], layers: [] },
  ])('an index that could be taken for an image: %j', (value) => {
    expect(parseManifest(OCI_INDEX, bytesOf({ schemaVersion: 2, ...value }))).toBeUndefined()
  })

  test('bytes that are not UTF-8', () => {
    const [start, end] = ['{"schemaVersion":2,"x":"', '"}'].map((text) => Buffer.from(text))
    const bytes = Buffer.concat([start!, Buffer.from([0xff]), end!])
    expect(parseManifest(OCI_INDEX, bytes)).toBeUndefined()
  })

  test('nothing makes it throw', () => {
    const types: readonly ManifestType[] = MANIFEST_TYPES
    assert(
      property(uint8Array(), json(), (bytes, text) => {
        for (const type of types) {
          parseManifest(type, bytes)
          parseManifest(type, Buffer.from(text))
        }
      }),
    )
  })
})

test('unknown fields and types of artifacts are let through', () => {
  const digest = `sha256:${'1'.repeat(64)}`
  const attestation = {
    mediaType: 'application/vnd.in-toto+json',
    digest,
    size: 2,
    annotations: {},
  }
  const bytes = bytesOf({
    schemaVersion: 2,
    artifactType: 'application/vnd.docker.attestation.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest, size: 2, data: 'e30=' },
    layers: [attestation],
    subject: attestation,
  })
  expect(parseManifest(OCI_MANIFEST, bytes)?.blobs).toHaveLength(2)
})

test('an index without images is one', () => {
  const bytes = bytesOf({ schemaVersion: 2, manifests: [] })
  expect(parseManifest(OCI_INDEX, bytes)).toMatchObject({ manifests: [], blobs: [] })
})

describe('bytes that may be a manifest', () => {
  const config = { mediaType: 'a/b', digest: `sha256:${'1'.repeat(64)}`, size: 2 }

  test.each(['oci', 'docker'] as const)('are told by their media type: %s', async (format) => {
    const image = await buildImage({ format })
    const index = buildIndex({ amd64: image }, format)
    for (const { mediaType, bytes } of index.manifests.values()) {
      expect(recognizeManifest(bytes)).toEqual(parseManifest(mediaType, bytes))
    }
    for (const bytes of index.blobs.values()) expect(recognizeManifest(bytes)).toBeUndefined()
  })

  test('are told by what they have where OCI leaves the media type out', () => {
    const image = bytesOf({ schemaVersion: 2, config, layers: [config] })
    expect(recognizeManifest(image)).toMatchObject({ mediaType: OCI_MANIFEST })
    const index = bytesOf({ schemaVersion: 2, manifests: [config] })
    expect(recognizeManifest(index)).toMatchObject({ mediaType: OCI_INDEX })
  })

  test.each<[string, unknown]>([
    ['another media type', { schemaVersion: 2, mediaType: 'a/b', config, layers: [] }],
    ['neither layers nor manifests', { schemaVersion: 2, config }],
    ['another version', { schemaVersion: 1, manifests: [] }],
    ['no object', 'text'],
  ])('are none with %s', (_, value) => {
    expect(recognizeManifest(bytesOf(value))).toBeUndefined()
  })

  test('may be anything', () => {
    assert(
      property(uint8Array(), json(), (bytes, text) => {
        recognizeManifest(bytes)
        recognizeManifest(Buffer.from(text))
      }),
    )
  })
})
