import { describe, expect, it } from 'vitest'
import { Pins } from '../../src/cache/pins.ts'
import { openSqliteInventory } from '../../src/inventory/sqlite.ts'
import type { Tag } from '../../src/oci/reference.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { alpine, contentOf, descriptorOf, elsewhere, manifestOf } from '../support/contents.ts'

const clock = new FakeClock(1000)

async function prepare(configured: string[] = []) {
  const inventory = await openSqliteInventory(':memory:')
  const layer = contentOf('shared layer')
  const [one, two] = [manifestOf('one'), manifestOf('two')]
  for (const [manifest, repository, tag] of [
    [one, alpine, '1'],
    [two, elsewhere, '2'],
  ] as const) {
    await inventory.record(layer, [], repository)
    await inventory.record(manifest, [descriptorOf(layer)], repository)
    const record = { descriptor: descriptorOf(manifest), checkedAtMs: 0 }
    await inventory.putTag(repository, tag as Tag, record)
  }
  const pins = await Pins.open({ inventory, clock, configured })
  return {
    inventory,
    pins,
    layer,
    one,
    two,
    one1: { digest: one.digest, names: [{ repository: alpine, tags: ['1' as Tag] }] },
    [Symbol.asyncDispose]: () => inventory[Symbol.asyncDispose](),
  }
}

describe('pins', () => {
  it('hold what one of them matches', async () => {
    await using test = await prepare(['ghcr.io/**'])
    const { pins, one1 } = test
    expect(pins.isPinned(one1)).toBe(false)
    await pins.add('docker.io/library/alpine:1')
    expect(pins.isPinned(one1)).toBe(true)
    expect(await pins.remove('docker.io/library/alpine:1')).toBe('removed')
    expect(pins.isPinned(one1)).toBe(false)
  })

  it('by command outlive the process, those of the configuration are what it says', async () => {
    await using test = await prepare(['ghcr.io/**', 'docker.io/**'])
    await test.pins.add('**:latest')
    const again = await Pins.open({ ...test, clock, configured: ['ghcr.io/**'] })
    const patterns = (await again.list()).map(({ pattern, source, createdAtMs }) => [
      pattern,
      source,
      createdAtMs,
    ])
    expect(patterns).toEqual([
      ['**:latest', 'command', 1000],
      ['ghcr.io/**', 'config', undefined],
    ])
  })

  it('say what they hold, what images share once', async () => {
    await using test = await prepare(['docker.io/library/alpine:1', '**', 'ghcr.io/none/**'])
    const { pins, layer, one, two } = test
    const bytes = layer.sizeBytes + one.sizeBytes
    const list = await pins.list()
    expect(list.map(({ pattern, images, heldBytes }) => [pattern, images, heldBytes])).toEqual([
      ['**', 2, bytes + two.sizeBytes],
      ['docker.io/library/alpine:1', 1, bytes],
      ['ghcr.io/none/**', 0, 0],
    ])
  })

  it('cannot be removed where there are none, or where the configuration has them', async () => {
    await using test = await prepare(['**'])
    expect(await test.pins.remove('ghcr.io/**')).toBe('absent')
    expect(await test.pins.remove('**')).toBe('configured')
    await test.pins.add('**')
    expect(await test.pins.remove('**')).toBe('configured')
    expect(test.pins.count).toBe(1)
  })

  it('are refused where they are no pattern', async () => {
    await using test = await prepare()
    await expect(test.pins.add('node:22')).rejects.toThrow(RangeError)
    expect(await test.inventory.pins()).toEqual([])
  })
})
