import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { parseDigest } from '../../src/oci/digest.ts'
import type { Repository, Tag } from '../../src/oci/reference.ts'
import { InventoryError } from '../../src/inventory/inventory-error.ts'
import type { Content, Inventory, RepositoryId } from '../../src/inventory/inventory.ts'
import { openSqliteInventory } from '../../src/inventory/sqlite.ts'
import { inventoryContract } from '../contract/inventory-contract.ts'
import { inventoryEvictionContract } from '../contract/inventory-eviction-contract.ts'
import { inventoryHostedContract } from '../contract/inventory-hosted-contract.ts'
import { inventoryImagesContract } from '../contract/inventory-images-contract.ts'
import { inventoryRepositoriesContract } from '../contract/inventory-repositories-contract.ts'
import { inventoryHistoryContract } from '../contract/inventory-history-contract.ts'
import { inventoryModelContract } from '../contract/inventory-model-contract.ts'
import { inventoryQueueContract } from '../contract/inventory-queue-contract.ts'
import { inventorySpansContract } from '../contract/inventory-spans-contract.ts'
import { inventoryTakingContract } from '../contract/inventory-taking-contract.ts'
import { blobOf } from '../support/blobs.ts'
import { eventually } from '../support/eventually.ts'
import { InventoryModel } from '../support/inventory-model.ts'
import { RunningProcess } from '../support/processes.ts'
import { smallDisk } from '../support/small-disk.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const inMemory = () => openSqliteInventory(':memory:')
inventoryContract('openSqliteInventory(:memory:)', inMemory)
inventoryEvictionContract('openSqliteInventory(:memory:)', inMemory)
inventoryImagesContract('openSqliteInventory(:memory:)', inMemory)
inventoryRepositoriesContract('openSqliteInventory(:memory:)', inMemory)
inventoryHistoryContract('openSqliteInventory(:memory:)', inMemory)
inventoryHostedContract('openSqliteInventory(:memory:)', inMemory)
inventoryQueueContract('openSqliteInventory(:memory:)', inMemory)
inventorySpansContract('openSqliteInventory(:memory:)', inMemory)
inventoryTakingContract('openSqliteInventory(:memory:)', inMemory)
inventoryModelContract('openSqliteInventory(:memory:)', inMemory)

const model = () => Promise.resolve(new InventoryModel())
inventoryContract('InventoryModel', model)
inventoryEvictionContract('InventoryModel', model)
inventoryImagesContract('InventoryModel', model)
inventoryRepositoriesContract('InventoryModel', model)
inventoryHistoryContract('InventoryModel', model)
inventoryHostedContract('InventoryModel', model)
inventoryQueueContract('InventoryModel', model)
inventorySpansContract('InventoryModel', model)
inventoryTakingContract('InventoryModel', model)

const alpine: RepositoryId = { registry: 'docker.io', name: 'library/alpine' as Repository }
const script = join(import.meta.dirname, 'record-until-killed.process.ts')

describe('an inventory in an SQLite file', () => {
  it('is as it was after it is opened again', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'inventory.db')
    const layer = contentOf('layer')
    const record = { descriptor: blobOf(Buffer.from('manifest')), checkedAtMs: 3 }
    const { descriptor } = record
    const counted = {
      pulls: { hit: 1, miss: 2, join: 3, stale: 4, bypass: 5 },
      bytes: { served: 6, fetched: 7 },
      storeBytes: 8,
      budgets: [],
    }
    const freeze = { repository: alpine, tag: '3' as Tag, descriptor, createdAtMs: 4 }
    {
      await using inventory = await openSqliteInventory(path)
      await inventory.record(layer, [], alpine)
      await inventory.seeTag(alpine, 'latest' as Tag, record.descriptor, record)
      await inventory.putFreeze(freeze)
      await inventory.addSample({ atMs: 90_000, ...counted })
    }
    await using inventory = await openSqliteInventory(path)
    expect(await inventory.history(alpine, 'latest' as Tag)).toHaveLength(1)
    expect(await inventory.freezes()).toEqual([freeze])
    const minutes = { resolution: 'minute', fromMs: 0, toMs: 120_000 } as const
    expect(await inventory.spans(minutes)).toEqual([{ startMs: 60_000, ...counted }])
    expect(await inventory.held(layer.digest)).toEqual(layer)
    expect(await inventory.isLinked(layer.digest, alpine)).toBe(true)
    expect(await inventory.tag(alpine, 'latest' as Tag)).toEqual(record)
    expect(await inventory.totals()).toMatchObject({ bytes: layer.sizeBytes, entries: 1 })
  })

  it('ends what is under way before it closes', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'inventory.db')
    const first = await openSqliteInventory(path)
    const recording = Promise.all(
      Array.from({ length: 20 }, (_, index) => first.record(contentOf(`${index}`), [], alpine)),
    )
    await first[Symbol.asyncDispose]()
    await recording
    await using inventory = await openSqliteInventory(path)
    expect((await inventory.totals()).entries).toBe(20)
  })

  it('refuses a file that is no database, and says which', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'inventory.db')
    await writeFile(path, 'not a database at all'.repeat(100))
    const opening = openSqliteInventory(path)
    await expect(opening).rejects.toThrow(InventoryError)
    await expect(opening).rejects.toThrow(`inventory ${path} is damaged`)
  })

  it('says that it is damaged when it comes to a page that is', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'inventory.db')
    {
      await using inventory = await openSqliteInventory(path)
      await recordMany(inventory, 2_000)
    }
    const bytes = await readFile(path)
    await writeFile(path, bytes.fill(0xa5, 200_000))
    await using inventory = await openSqliteInventory(path)
    const reading = inventory.contents(undefined, 2_000)
    await expect(reading).rejects.toThrow(InventoryError)
    await expect(reading).rejects.toThrow('is damaged')
  })

  it('refuses a folder that is not there', async () => {
    await using folder = await temporaryFolder()
    const opening = openSqliteInventory(join(folder.path, 'no', 'inventory.db'))
    await expect(opening).rejects.toThrow(InventoryError)
  })

  it('refuses a database of a later release, and leaves it as it is', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'inventory.db')
    await (await openSqliteInventory(path))[Symbol.asyncDispose]()
    const database = new DatabaseSync(path)
    database.exec(`insert into kysely_migration values ('9999-later', '2030-01-01')`)
    database.close()
    const opening = openSqliteInventory(path)
    await expect(opening).rejects.toThrow(InventoryError)
    await expect(opening).rejects.toThrow('9999-later')
  })

  it('makes its tables all at once: a migration that fails leaves none', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'inventory.db')
    const database = new DatabaseSync(path)
    // The last table of the first migration is in the way.
    database.exec('create table totals (strange text)')
    await expect(openSqliteInventory(path)).rejects.toThrow(InventoryError)
    database.exec('drop table totals')
    const tables = database.prepare(`select name from sqlite_schema where name = 'content'`).all()
    database.close()
    expect(tables).toEqual([])
    await using inventory = await openSqliteInventory(path)
    expect(await inventory.totals()).toEqual({ bytes: 0, entries: 0, onceBytes: 0 })
  })

  it('keeps what it has when the disk is full, and goes on when there is room', async (context) => {
    // Large enough for the log between two checkpoints, 4 MiB, and the tables.
    const sizeBytes = 16 * 1024 * 1024
    await using disk = await smallDisk(context, { sizeBytes })
    await using inventory = await openSqliteInventory(join(disk.path, 'inventory.db'))
    await recordMany(inventory, 10)
    const ballast = join(disk.path, 'ballast')
    await writeFile(ballast, Buffer.alloc(sizeBytes)).catch(() => 'now it is full')
    await expect(recordMany(inventory, 20)).rejects.toThrow('is full')
    const { entries } = await inventory.totals()
    expect(entries).toBeGreaterThanOrEqual(10)
    expect(await inventory.contents(undefined, 100)).toHaveLength(entries)
    await writeFile(ballast, '')
    await recordMany(inventory, 200)
    expect((await inventory.totals()).entries).toBeGreaterThanOrEqual(200)
  })

  it('brings its log home again and again, so that it stays small', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'inventory.db')
    await using inventory = await openSqliteInventory(path)
    await recordMany(inventory, 1_500)
    // What it wrote is many times as much.
    expect((await stat(`${path}-wal`)).size).toBeLessThan(24 * 1024 * 1024)
  })

  it('lets others have their turn in the middle of a transaction', async () => {
    await using inventory = await inMemory()
    const layers = Array.from({ length: 50 }, (_, index) => contentOf(`layer ${index}`))
    for (const layer of layers) await inventory.record(layer, [], alpine)
    const image: Content = { ...contentOf('image'), kind: 'manifest' }
    await inventory.record(image, layers, alpine)
    let turns = 0
    const evicting = inventory.evict(image.digest, () => true).finally(() => (turns = -turns))
    while (turns >= 0) {
      turns++
      await setImmediate()
    }
    expect(await evicting).toHaveLength(51)
    expect(-turns).toBeGreaterThan(3)
  })

  // Each instant is some milliseconds after the first content: in the middle of anything.
  for (const instantMs of [0, 4, 11, 30, 70]) {
    it(`loses nothing acknowledged when its process is killed ${instantMs} ms in`, async () => {
      await using folder = await temporaryFolder()
      const path = join(folder.path, 'inventory.db')
      const said = await recordUntilKilled(path, instantMs)
      await using inventory = await openSqliteInventory(path)
      const contents = await inventory.contents(undefined, 1_000_000)
      const held = new Set(contents.map(({ digest }) => digest))
      for (const digest of said) expect(held).toContain(digest)
      expect(said.length).toBeGreaterThan(0)
      const images = await inventory.images({
        repository: alpine,
        after: undefined,
        limit: 1_000_000,
      })
      expect(images.map(({ digest }) => digest)).toEqual(contents.map(({ digest }) => digest))
      // What each names, which is not there, is known of all.
      for (const { missingBytes } of images) expect(missingBytes).toBeGreaterThan(0)
      const bytes = contents.reduce((sum, content) => sum + content.sizeBytes, 0)
      const entries = contents.length
      expect(await inventory.totals()).toEqual({ bytes, entries, onceBytes: bytes })
    })
  }
})

async function recordMany(inventory: Inventory, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await inventory.record(contentOf(`content ${index}`), [], alpine)
  }
}

function contentOf(text: string): Content {
  return { ...blobOf(Buffer.from(text)), kind: 'blob', storedAtMs: 1, usedAtMs: 2 }
}

async function recordUntilKilled(path: string, instantMs: number): Promise<string[]> {
  await using writer = new RunningProcess([process.execPath, script, path])
  await eventually('a first content is recorded', () => writer.output.includes('\n'))
  await sleep(instantMs)
  writer.kill('SIGKILL')
  await writer.exited
  return writer.output.split('\n').filter((line) => parseDigest(line) !== undefined)
}
