import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../src/config/load.ts'
import { pinnedBy } from '../src/hosting.ts'
import { openSqliteInventory } from '../src/inventory/sqlite.ts'
import type { Repository } from '../src/oci/reference.ts'
import { contentOf } from './support/contents.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

test.each([
  ['where images can be pushed', 'true', false, true],
  ['where some were pushed before that was turned off', 'false', true, true],
  ['where nothing was ever pushed', 'false', false, false],
])('what is hosted is pinned %s', async (_, enabled, wasPushed, isPinned) => {
  await using folder = await temporaryFolder()
  await using inventory = await openSqliteInventory(join(folder.path, 'inventory.db'))
  const repository = { registry: 'private', name: 'app' as Repository }
  if (wasPushed) await inventory.record(contentOf('layer'), [], repository)
  const environment = {
    ENTREPOT_HOSTED__ENABLED: enabled,
    ENTREPOT_AUTH__ANONYMOUS__0: 'admin',
    ENTREPOT_EVICTION__PINS__0: 'docker.io/library/node',
  }
  const { config } = await loadConfig({ environment })
  const pins = await pinnedBy(config, inventory)
  expect(pins).toEqual(['docker.io/library/node', ...(isPinned ? ['private/**'] : [])])
})
