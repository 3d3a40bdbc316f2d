import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Inventory, RepositoryId } from '../../../src/inventory/inventory.ts'
import { openSqliteInventory } from '../../../src/inventory/sqlite.ts'
import { OCTET_STREAM } from '../../../src/oci/descriptor.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import {
  blobDigest,
  fillInventory,
  imageDigest,
  repositoryOf,
} from '../inventory/filled-inventory.ts'
import { atMost, type Section } from '../section.ts'
import { fixed, median } from '../statistics.ts'

const SMALL = 1_000
const LARGE = 1_000_000

/** Spread over a large inventory, and round and round in a small one. */
const STRIDE = 7_919

const FIRST_ROOTS = { usage: 'once', after: undefined } as const
const LATE_MS = 1e12

/** What is measured, in this order, on the images one after the other. */
const OPERATIONS: Record<string, (inventory: Inventory, image: number, run: number) => unknown> = {
  'is it held': (inventory, image) => inventory.held(imageDigest(image)),
  'is it linked': (inventory, image) => inventory.isLinked(imageDigest(image), repositoryOf(image)),
  'the root that goes next': (inventory) => inventory.roots({ ...FIRST_ROOTS, limit: 1 }),
  'the next 100 roots': (inventory) => inventory.roots({ ...FIRST_ROOTS, limit: 100 }),
  '100 images of the listing': (inventory, image) =>
    inventory.images({
      repository: undefined,
      after: { repository: repositoryOf(image), digest: imageDigest(image) },
      limit: 100,
    }),
  'record a blob': (inventory, image, run) =>
    inventory.record(newBlob(run), [], repositoryOf(image)),
  'a use of a manifest': (inventory, image, run) =>
    inventory.touch([use(imageDigest(image), repositoryOf(image), run)]),
  'a use of a blob': (inventory, image, run) =>
    inventory.touch([use(blobDigest(image, 0), repositoryOf(image), run)]),
  'evict an image and its 9 blobs': (inventory, image) =>
    inventory.evict(imageDigest(image), () => true),
}

/** The inventory at a thousand and at a million contents. */
export async function inventory(): Promise<Section> {
  const small = await measure(SMALL)
  const large = await measure(LARGE)
  const names = ['open', ...Object.keys(OPERATIONS)]
  const ratio = (name: string) => large.ms[name]! / small.ms[name]!
  return {
    title: 'Inventory',
    method: `An SQLite file with so many contents: images of a manifest, nine blobs of their own and a base layer that half of all share, in repositories of twenty. Medians in milliseconds, one call at a time. The page cache is 16 MiB at most; beyond that no memory is needed for what is held, and ${fixed(large.bytesPerContent, 0)} bytes of disk for each.`,
    head: ['operation', '1,000 contents', '1,000,000 contents', 'ratio'],
    rows: names.map((name) => [
      name,
      fixed(small.ms[name]!, 3),
      fixed(large.ms[name]!, 3),
      fixed(ratio(name), 1),
    ]),
    targets: [
      atMost(
        'inventory of 1,000,000: the next 100 roots',
        1,
        large.ms['the next 100 roots']!,
        ' ms',
      ),
      atMost(
        'inventory of 1,000,000: evict an image',
        1.5,
        large.ms['evict an image and its 9 blobs']!,
        ' ms',
      ),
      atMost('inventory of 1,000,000 / 1,000: open', 2, ratio('open')),
    ],
    samples: { small, large },
  }
}

interface Measured {
  ms: Record<string, number>
  bytesPerContent: number
}

async function measure(contents: number): Promise<Measured> {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'inventory.db')
  const images = await fillInventory(path, contents)
  const { size } = await stat(path)
  const ms: Record<string, number> = { open: await openMs(path) }
  await using inventory = await openSqliteInventory(path)
  // A third of the images are left when those at the end are evicted.
  const runs = Math.min(500, Math.floor(images / 1.5))
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const samples: number[] = []
    for (let run = 0; run < runs; run++) {
      const image = (run * STRIDE) % images
      const startMs = performance.now()
      await operation(inventory, image, run)
      samples.push(performance.now() - startMs)
    }
    ms[name] = median(samples)
  }
  return { ms, bytesPerContent: size / contents }
}

async function openMs(path: string): Promise<number> {
  const samples: number[] = []
  for (let run = 0; run < 20; run++) {
    const startMs = performance.now()
    const inventory = await openSqliteInventory(path)
    samples.push(performance.now() - startMs)
    await inventory[Symbol.asyncDispose]()
  }
  return median(samples)
}

function newBlob(run: number) {
  const digest = blobDigest(-1, run)
  const descriptor = { digest, mediaType: OCTET_STREAM, sizeBytes: 1 }
  return { ...descriptor, kind: 'blob' as const, storedAtMs: 0, usedAtMs: 0 }
}

function use(digest: ReturnType<typeof imageDigest>, repository: RepositoryId, run: number) {
  return { digest, repository, atMs: LATE_MS + run }
}
