import { expect, test } from 'vitest'
import { PulledImages } from '../../src/telemetry/pulled-images.ts'

const none = { hit: 0, miss: 0, join: 0, stale: 0, bypass: 0 }
const image = { upstream: 'docker.io', repository: 'library/a', digest: 'sha256:0' }

test('pulls are counted for each image of each repository', () => {
  const pulled = new PulledImages()
  pulled.add({ ...image, outcome: 'miss' })
  for (let count = 0; count < 2; count++) pulled.add({ ...image, outcome: 'hit' })
  expect(pulled.of(image)).toEqual({ ...none, miss: 1, hit: 2 })
  expect(pulled.of({ ...image, upstream: 'ghcr.io' })).toEqual(none)
  expect(pulled.of({ ...image, repository: 'library/b' })).toEqual(none)
  expect(pulled.of({ ...image, digest: 'sha256:1' })).toEqual(none)
})

test('a scan over thousands of images takes little memory, and what is pulled stays', () => {
  const pulled = new PulledImages()
  pulled.add({ ...image, outcome: 'hit' })
  for (let index = 0; index < 10_000; index++) {
    pulled.add({ ...image, digest: `sha256:${index + 1}`, outcome: 'miss' })
    if (index % 1000 === 0) pulled.add({ ...image, outcome: 'hit' })
  }
  expect(pulled.of(image).hit).toBe(11)
  expect(pulled.of({ ...image, digest: 'sha256:1' })).toEqual(none)
  expect(pulled.of({ ...image, digest: 'sha256:10000' }).miss).toBe(1)
})
