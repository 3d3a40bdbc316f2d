import { closeSync, ftruncateSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openSqliteInventory } from '../../../src/inventory/sqlite.ts'
import { encodedOf } from '../../../src/oci/digest.ts'

const PER_QUERY = 10_000

/** Gives each content of an inventory a file of its size in a file store; holes take no space. */
export async function fillStore(folder: string, inventoryPath: string): Promise<void> {
  await using inventory = await openSqliteInventory(inventoryPath)
  let page = await inventory.contents(undefined, PER_QUERY)
  const made = new Set<string>()
  while (page.length > 0) {
    for (const { digest, sizeBytes } of page) {
      const encoded = encodedOf(digest)
      const path = join(folder, 'sha256', encoded.slice(0, 2), encoded)
      if (!made.has(dirname(path))) mkdirSync(dirname(path), { recursive: true })
      made.add(dirname(path))
      const file = openSync(path, 'w')
      ftruncateSync(file, sizeBytes)
      closeSync(file)
    }
    page = await inventory.contents(page.at(-1)?.digest, PER_QUERY)
  }
}
