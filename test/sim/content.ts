import type { Descriptor } from '../../src/oci/descriptor.ts'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import { parseRepository, parseTag, type Repository, type Tag } from '../../src/oci/reference.ts'
import { blobOf } from '../support/blobs.ts'
import { bytesOf } from '../support/images.ts'
import type { Dice } from './dice.ts'

const SIZES = [0, 1, 4095, 4096, 4097, 20_000, 100_000, 262_144, 400_000]
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const INDEX = 'application/vnd.oci.image.index.v1+json'

export interface Image {
  root: Descriptor
  /** The manifests that an index names. */
  children: Image[]
  blobs: Digest[]
}

/** What upstream has. Both repositories have every manifest; some blobs are in the first alone. */
export interface World {
  repositories: [Repository, Repository]
  tags: Tag[]
  images: Image[]
  manifests: Map<Digest, { descriptor: Descriptor; bytes: Buffer }>
  blobs: Map<Digest, Buffer>
  /** Blobs that the second repository does not have. */
  exclusive: Set<Digest>
}

export function makeWorld(dice: Dice): World {
  const blobs = new Map<Digest, Buffer>()
  for (const size of SIZES) {
    const bytes = bytesOf(`${size}/${dice.random()}`, size)
    blobs.set(digestOf(bytes), bytes)
  }
  const manifests: World['manifests'] = new Map()
  const add = (mediaType: string, content: object): Descriptor => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }))
    const descriptor = { ...blobOf(bytes), mediaType }
    manifests.set(descriptor.digest, { descriptor, bytes })
    return descriptor
  }
  const image = (): Image => {
    const config = dice.pick([...blobs.keys()])
    const layers = dice.some([...blobs.keys()])
    const named = (digest: Digest) => json(blobOf(blobs.get(digest)!))
    const root = add(MANIFEST, { config: named(config), layers: layers.map(named) })
    return { root, children: [], blobs: [...new Set([config, ...layers])] }
  }
  const index = (children: Image[]): Image => {
    const root = add(INDEX, { manifests: children.map((child) => json(child.root)) })
    return { root, children, blobs: [] }
  }
  const images = [image(), image(), image()]
  images.push(index(images.slice(0, 2)), index(images.slice(1)))
  return {
    repositories: [parseRepository('library/one')!, parseRepository('library/two')!],
    tags: ['1', 'latest'].map((tag) => parseTag(tag)!),
    images,
    manifests,
    blobs,
    exclusive: new Set(dice.some([...blobs.keys()], 0.2)),
  }
}

function json({ mediaType, digest, sizeBytes }: Descriptor): object {
  return { mediaType, digest, size: sizeBytes }
}
