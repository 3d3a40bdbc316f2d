import { expect, test } from 'vitest'
import { fillStats } from '../src/stats.ts'
import { digestOf } from '../src/oci/digest.ts'
import { parseRepository } from '../src/oci/reference.ts'

const fill = {
  digest: digestOf(Buffer.from('layer')),
  repository: { registry: 'docker.io', name: parseRepository('library/alpine')! },
  bytes: 400,
  totalBytes: 1000,
  bytesPerSecond: 300,
  followers: 2,
}

test('a fill is told with its rate, and how long the rest takes at it', () => {
  expect(fillStats(fill)).toEqual({
    digest: fill.digest,
    repository: 'docker.io/library/alpine',
    bytes: 400,
    totalBytes: 1000,
    bytesPerSecond: 300,
    remainingMs: 2000,
    followers: 2,
  })
})

test.each([
  ['nothing comes', { bytesPerSecond: 0 }],
  ['upstream has not told the size', { totalBytes: undefined }],
])('nothing is foreseen while %s', (_, change) => {
  expect(fillStats({ ...fill, ...change }).remainingMs).toBeNull()
})
