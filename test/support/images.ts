import { createHash } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { type Descriptor } from '../../src/oci/descriptor.ts'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import { type ManifestType } from '../../src/oci/manifest.ts'

type Format = 'oci' | 'docker'

/** An image, or an index of images, with everything it names: real tar layers that clients unpack. */
export interface TestImage {
  root: Descriptor
  manifests: Map<Digest, { mediaType: ManifestType; bytes: Buffer }>
  blobs: Map<Digest, Buffer>
}

export interface ImageOptions {
  /** Images of the same seed are byte for byte the same. */
  seed?: string
  format?: Format
  layers?: number
  /** Seed of the first layer, which images of the same base share. */
  base?: string
  /** Size of the incompressible file in each layer. */
  layerBytes?: number
  /** Only OCI has it. */
  compression?: 'zstd'
  architecture?: string
}

const ZSTD_TYPE = 'application/vnd.oci.image.layer.v1.tar+zstd'

const TYPES = {
  oci: {
    index: 'application/vnd.oci.image.index.v1+json',
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
} as const

export async function buildImage(options: ImageOptions = {}): Promise<TestImage> {
  const { seed = 'image', format = 'oci', layers = 2, layerBytes = 20_000, base } = options
  const types = TYPES[format]
  const image: TestImage = emptyImage()
  const layerDescriptors: Descriptor[] = []
  const diffIds: Digest[] = []
  for (let index = 0; index < layers; index++) {
    const layerSeed = index === 0 && base !== undefined ? base : `${seed}/${index}`
    const tar = await tarOf(`layer-${index}.bin`, bytesOf(layerSeed, layerBytes))
    diffIds.push(digestOf(tar))
    const layer =
      options.compression === 'zstd'
        ? addBlob(image, ZSTD_TYPE, zstdCompressSync(tar))
        : addBlob(image, types.layer, gzipSync(tar, { level: 1 }))
    layerDescriptors.push(layer)
  }
  const config = addBlob(
    image,
    types.config,
    Buffer.from(
      JSON.stringify({
        architecture: options.architecture ?? 'amd64',
        os: 'linux',
        created: '2026-01-01T00:00:00Z',
        config: { Labels: { seed } },
        rootfs: { type: 'layers', diff_ids: diffIds },
        history: diffIds.map(() => ({ created: '2026-01-01T00:00:00Z' })),
      }),
    ),
  )
  image.root = addManifest(image, types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: json(config),
    layers: layerDescriptors.map(json),
  })
  return image
}

/**
 * An index over images by architecture, with a variant where it has one: `arm/v7`; with
 * attestations of some of them, marked as BuildKit does it. It holds all that they hold.
 */
export function buildIndex(
  children: Record<string, TestImage>,
  format: Format = 'oci',
  attestations: Record<string, TestImage> = {},
): TestImage {
  const types = TYPES[format]
  const image = emptyImage()
  for (const child of [...Object.values(children), ...Object.values(attestations)]) {
    for (const entry of child.manifests) image.manifests.set(...entry)
    for (const entry of child.blobs) image.blobs.set(...entry)
  }
  image.root = addManifest(image, types.index, {
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [
      ...Object.entries(children).map(([name, child]) => {
        const [architecture, variant] = name.split('/')
        return { ...json(child.root), platform: { architecture, os: 'linux', variant } }
      }),
      ...Object.entries(attestations).map(([name, attestation]) => ({
        ...json(attestation.root),
        platform: { architecture: 'unknown', os: 'unknown' },
        annotations: {
          'vnd.docker.reference.type': 'attestation-manifest',
          'vnd.docker.reference.digest': children[name]?.root.digest,
        },
      })),
    ],
  })
  return image
}

/** An OCI image with a layer more, as images of Windows have it, which its registry lacks. */
export function withForeignLayer({ root, manifests, blobs }: TestImage): TestImage {
  const image = { ...emptyImage(), blobs }
  const manifest = JSON.parse(manifests.get(root.digest)!.bytes.toString()) as { layers: object[] }
  const digest = digestOf(Buffer.from('only elsewhere'))
  const mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'
  const layers = [{ mediaType, digest, size: 14, urls: ['https://cdn.example/layer'] }]
  image.root = addManifest(image, TYPES.oci.manifest, {
    ...manifest,
    layers: [...layers, ...manifest.layers],
  })
  return image
}

/** Incompressible bytes that depend on the seed alone. */
export function bytesOf(seed: string, length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update(seed).digest()
}

export function emptyImage(): TestImage {
  return { root: undefined as never, manifests: new Map(), blobs: new Map() }
}

export function addBlob(image: TestImage, mediaType: string, bytes: Buffer): Descriptor {
  const digest = digestOf(bytes)
  image.blobs.set(digest, bytes)
  return { mediaType, digest, sizeBytes: bytes.length }
}

export function addManifest(
  image: TestImage,
  mediaType: ManifestType,
  content: object,
): Descriptor {
  const bytes = Buffer.from(JSON.stringify(content, undefined, 2))
  const digest = digestOf(bytes)
  image.manifests.set(digest, { mediaType, bytes })
  return { mediaType, digest, sizeBytes: bytes.length }
}

/** As manifests spell it. */
export function json({ mediaType, digest, sizeBytes }: Descriptor): object {
  return { mediaType, digest, size: sizeBytes }
}

async function tarOf(name: string, content: Buffer): Promise<Buffer> {
  const archive = pack()
  archive.entry({ name, mtime: new Date(0), mode: 0o644 }, content)
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
