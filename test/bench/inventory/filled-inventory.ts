import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import type { RepositoryId } from '../../../src/inventory/inventory.ts'
import { openSqliteInventory } from '../../../src/inventory/sqlite.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { MANIFEST_TYPES } from '../../../src/oci/manifest.ts'
import type { Repository } from '../../../src/oci/reference.ts'
import { OCTET_STREAM } from '../../../src/oci/descriptor.ts'

/** Every image has a manifest and this many blobs of its own, and one of the base layers. */
const OWN_BLOBS = 9
const CONTENTS_PER_IMAGE = 1 + OWN_BLOBS
const BASES = 100
const IMAGES_PER_REPOSITORY = 20
const MANIFEST_BYTES = 3_000
const BLOB_BYTES = 10_000_000
const HOUR_MS = 60 * 60 * 1000

/**
 * Fills an inventory file with so many contents, in the tables themselves since recording them one
 * by one would take minutes: images in repositories of twenty, a tag each, every third used again.
 * Returns how many images there are.
 */
export async function fillInventory(path: string, contents: number): Promise<number> {
  await (await openSqliteInventory(path))[Symbol.asyncDispose]()
  const database = new DatabaseSync(path)
  try {
    database.exec(`pragma cache_size = -1000000; pragma synchronous = off; begin`)
    const images = Math.floor((contents - BASES) / CONTENTS_PER_IMAGE)
    fill(database, images)
    database.exec('commit')
    return images
  } finally {
    database.close()
  }
}

/** The manifest of an image of `fillInventory`. */
export function imageDigest(image: number): Digest {
  return digestOf(`image ${image}`)
}

/** One of the blobs that only that image has. */
export function blobDigest(image: number, blob: number): Digest {
  return digestOf(`${image}/${blob}`)
}

export function repositoryOf(image: number): RepositoryId {
  const number = 1 + Math.floor(image / IMAGES_PER_REPOSITORY)
  return { registry: 'docker.io', name: `team/app-${number}` as Repository }
}

function fill(database: DatabaseSync, images: number): void {
  const repository = database.prepare('insert into repository (registry, name) values (?, ?)')
  const content = database.prepare(
    `insert into content (digest, kind, media_type, size_bytes, stored_at_ms, used_at_ms, parents, reused)
      values (?, ?, ?, ?, 0, ?, ?, ?)`,
  )
  const link = database.prepare('insert or ignore into link values (?, ?, ?, 0)')
  const child = database.prepare('insert into child values (?, ?, ?, ?, ?)')
  const tag = database.prepare('insert into tag values (?, ?, ?, ?, ?, ?)')
  const blob = (digest: Digest, parents: number) =>
    content.run(digest, 'blob', OCTET_STREAM, BLOB_BYTES, 0, parents, 1)
  const parentsOfBases = Array.from({ length: BASES }, () => 0)
  for (let image = 0; image < images; image++) {
    const manifest = imageDigest(image)
    const repositoryId = 1 + Math.floor(image / IMAGES_PER_REPOSITORY)
    if (image % IMAGES_PER_REPOSITORY === 0) {
      const { registry, name } = repositoryOf(image)
      repository.run(registry, name)
    }
    const reused = image % 3 === 0 ? 1 : 0
    const usedAtMs = ((image * 7919) % images) * 1000 + reused * HOUR_MS
    // Half of the images have the same base, a few have most of the others.
    const base = Math.floor(BASES / (1 + (image % BASES))) - 1
    parentsOfBases[base]!++
    const blobs = Array.from({ length: OWN_BLOBS }, (_, index) => blobDigest(image, index))
    const type = MANIFEST_TYPES[1]
    content.run(manifest, 'manifest', type, MANIFEST_BYTES, usedAtMs, 0, reused)
    link.run(manifest, repositoryId, usedAtMs)
    tag.run(repositoryId, `v${image}`, manifest, type, MANIFEST_BYTES, 0)
    for (const [position, digest] of [digestOf(`base ${base}`), ...blobs].entries()) {
      child.run(manifest, position, digest, OCTET_STREAM, BLOB_BYTES)
      if (position === 0) continue
      blob(digest, 1)
      link.run(digest, repositoryId, null)
    }
  }
  // After their time, since links need the contents.
  for (const [base, parents] of parentsOfBases.entries()) blob(digestOf(`base ${base}`), parents)
  database.exec(`
    update totals set (bytes, entries, once_bytes) =
      (select sum(size_bytes), count(*), sum(size_bytes * (1 - reused)) from content)
  `)
}

function digestOf(text: string): Digest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}` as Digest
}
