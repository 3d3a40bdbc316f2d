import type { Descriptor } from '../../src/oci/descriptor.ts'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import { MANIFEST_TYPES, type ManifestType } from '../../src/oci/manifest.ts'
import { parseRepository, type Repository } from '../../src/oci/reference.ts'
import { blobOf } from '../support/blobs.ts'
import { bytesOf, type TestImage } from '../support/images.ts'
import type { Dice } from './dice.ts'

const [INDEX_TYPE, IMAGE_TYPE] = MANIFEST_TYPES

/** An image that upstream has in one repository, under a tag of its own. */
export interface WorldImage extends TestImage {
  repository: Repository
  tag: string
  /** What each manifest names. */
  children: Map<Digest, Digest[]>
}

/** Images that share layers, indexes that share images, and a few of them in two repositories. */
export function evictionWorld(dice: Dice): WorldImage[] {
  const repositories = ['library/one', 'library/two', 'team/app'].map((name) =>
    parseRepository(name)!,
  )
  const layers = Array.from({ length: 16 }, (_, index) =>
    bytesOf(`${index}/${dice.random()}`, dice.int(1, 30_000)),
  )
  const images = Array.from({ length: 10 }, (_, index) => {
    const config = bytesOf(`config ${index}/${dice.random()}`, dice.int(1, 500))
    return imageOf(config, dice.some(layers, 0.25))
  })
  for (let count = 0; count < 4; count++) {
    images.push(indexOf([dice.pick(images.slice(0, 10)), ...dice.some(images.slice(0, 10), 0.1)]))
  }
  return images.flatMap((image, index) => {
    const homes = [dice.pick(repositories), ...(dice.chance(0.2) ? [dice.pick(repositories)] : [])]
    return [...new Set(homes)].map((repository) => ({ ...image, repository, tag: `t${index}` }))
  })
}

type Content = Omit<WorldImage, 'repository' | 'tag'>

function imageOf(config: Buffer, layers: Buffer[]): Content {
  const blobs = new Map([config, ...layers].map((bytes) => [digestOf(bytes), bytes]))
  const content = {
    config: json(blobOf(config)),
    layers: layers.map((bytes) => json(blobOf(bytes))),
  }
  return manifestOver(IMAGE_TYPE, content, [...blobs.keys()], { blobs, parts: [] })
}

function indexOf(parts: Content[]): Content {
  const blobs = new Map(parts.flatMap((part) => [...part.blobs]))
  const content = { manifests: parts.map(({ root }) => json(root)) }
  const named = parts.map(({ root }) => root.digest)
  return manifestOver(INDEX_TYPE, content, named, { blobs, parts })
}

function manifestOver(
  mediaType: ManifestType,
  content: object,
  named: Digest[],
  { blobs, parts }: { blobs: Map<Digest, Buffer>; parts: Content[] },
): Content {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }))
  const root = { ...blobOf(bytes), mediaType }
  return {
    root,
    blobs,
    manifests: new Map([
      ...parts.flatMap((part) => [...part.manifests]),
      [root.digest, { mediaType, bytes }],
    ]),
    children: new Map([...parts.flatMap((part) => [...part.children]), [root.digest, named]]),
  }
}

function json({ mediaType, digest, sizeBytes }: Descriptor): object {
  return { mediaType, digest, size: sizeBytes }
}
