import { expect, test } from 'vitest'
import { BufferPool } from '../../src/http/buffer-pool.ts'

const options = { chunkBytes: 1024, smallBytes: 64, capBytes: 2048, aheadBytes: 1024 }

test('a buffer that was given back is used again', () => {
  const pool = new BufferPool(options)
  const first = pool.take()
  pool.give(first)
  expect(pool.take()).toBe(first)
})

test('nobody waits past the cap: small buffers are made, and not kept', () => {
  const pool = new BufferPool(options)
  const pooled = [pool.take(), pool.take()]
  const small = pool.take()
  expect(small).toHaveLength(64)
  pool.give(small)
  expect(pool.take()).not.toBe(small)
  pool.give(pooled[0]!)
  expect(pool.take()).toBe(pooled[0])
})

test('a buffer that may still be written to is never used again, and makes room for another', () => {
  const pool = new BufferPool(options)
  const [first] = [pool.take(), pool.take()]
  pool.drop(first)
  const next = pool.take()
  expect(next).toHaveLength(1024)
  expect(next).not.toBe(first)
})

test('there is a buffer to read ahead with while few are in use', () => {
  const pool = new BufferPool(options)
  const ahead = pool.takeAhead()
  expect(ahead).toHaveLength(1024)
  expect(pool.takeAhead()).toBeUndefined()
  pool.give(ahead!)
  expect(pool.takeAhead()).toBe(ahead)
})
