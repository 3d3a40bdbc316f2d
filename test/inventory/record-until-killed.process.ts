import { writeSync } from 'node:fs'
import type { Repository } from '../../src/oci/reference.ts'
import { openSqliteInventory } from '../../src/inventory/sqlite.ts'
import { blobOf } from '../support/blobs.ts'

/** Records contents in the inventory it is given, and says which are recorded. */
const [path = ''] = process.argv.slice(2)
const inventory = await openSqliteInventory(path)
const repository = { registry: 'docker.io', name: 'library/alpine' as Repository }

for (let round = 0; ; round++) {
  const blob = blobOf(Buffer.from(`content ${round}`))
  await inventory.record(
    { ...blob, kind: 'manifest', storedAtMs: 1, usedAtMs: 1 },
    [blobOf(Buffer.from(`child ${round}`))],
    repository,
  )
  if (round % 4 === 0) await inventory.forget(blob.digest)
  else if (round % 4 === 1) await inventory.evict(blob.digest, () => true)
  // Synchronously, so that what was said is what the parent hears, whenever the end comes.
  else writeSync(1, `${blob.digest}\n`)
}
