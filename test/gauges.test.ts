import { expect, test } from 'vitest'
import { startLiveMirror } from './http/admin/live-mirror.ts'
import { buildImage } from './support/images.ts'

const GIB = 1024 ** 3

test('a scrape says how much is held and may be, and what is free of the disk', async () => {
  await using mirror = await startLiveMirror({
    ENTREPOT_EVICTION__MAX_SIZE: '2GiB',
    ENTREPOT_EVICTION__MIN_FREE: '1MiB',
  })
  const image = await mirror.pull('library/app:1', await buildImage())
  const { store } = await mirror.stats()
  const text = await (await fetch(`${mirror.adminUrl}/metrics`)).text()
  const gauge = (name: string) => Number(new RegExp(`^entrepot_${name} (.*)$`, 'm').exec(text)?.[1])
  expect(gauge('store_bytes')).toBe(store.bytes)
  expect(gauge('store_bytes')).toBeGreaterThanOrEqual(image.root.sizeBytes)
  expect(gauge('store_limit_bytes')).toBe(2 * GIB)
  expect(gauge('disk_free_bytes')).toBeGreaterThan(gauge('disk_min_free_bytes'))
  expect(gauge('disk_min_free_bytes')).toBe(1024 ** 2)
  expect(gauge('fills_in_progress')).toBe(0)
})
