import type { Descriptor } from '../../../src/oci/descriptor.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { bytesOf, type TestImage } from '../images.ts'

const BLOCK_BYTES = 1024 * 1024

/**
 * An image whose layers are no archives but bytes that are made quickly, of exactly the size
 * asked: for measuring transfers, not for clients that unpack.
 */
export function buildOpaqueImage(options: {
  seed: string
  layers: number
  layerBytes: number
}): TestImage {
  const { seed, layers, layerBytes } = options
  const blobs: TestImage['blobs'] = new Map()
  const add = (mediaType: string, bytes: Buffer): Descriptor => {
    const digest = digestOf(bytes)
    blobs.set(digest, bytes)
    return { mediaType, digest, sizeBytes: bytes.length }
  }
  const descriptors = Array.from({ length: layers }, (_, index) =>
    add('application/vnd.oci.image.layer.v1.tar', opaqueBytes(`${seed}/${index}`, layerBytes)),
  )
  const config = add(
    'application/vnd.oci.image.config.v1+json',
    Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: { Labels: { seed } },
        rootfs: { type: 'layers', diff_ids: descriptors.map(({ digest }) => digest) },
      }),
    ),
  )
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: json(config),
      layers: descriptors.map(json),
    }),
  )
  const root = { mediaType, digest: digestOf(bytes), sizeBytes: bytes.length }
  return { root, manifests: new Map([[root.digest, { mediaType, bytes }]]), blobs }
}

function json({ mediaType, digest, sizeBytes }: Descriptor): object {
  return { mediaType, digest, size: sizeBytes }
}

/** One incompressible block again and again, each time with its number in front. */
function opaqueBytes(seed: string, length: number): Buffer {
  const bytes = Buffer.alloc(length, bytesOf(seed, Math.min(BLOCK_BYTES, Math.max(length, 1))))
  for (let at = 0; at + 8 <= length; at += BLOCK_BYTES) bytes.writeDoubleLE(at, at)
  return bytes
}
