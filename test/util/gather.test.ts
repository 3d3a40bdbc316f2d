import { array, assert, asyncProperty, integer, uint8Array } from 'fast-check'
import { expect, test } from 'vitest'
import { chunkPair, gather } from '../../src/util/gather.ts'

async function* given(chunks: Uint8Array[], failure?: Error): AsyncIterable<Uint8Array> {
  for (const chunk of chunks) yield chunk.slice()
  if (failure) throw failure
}

test('all bytes come in order, in chunks of the size', async () => {
  const chunks = array(uint8Array({ maxLength: 9 }), { maxLength: 12 })
  await assert(
    asyncProperty(chunks, integer({ min: 1, max: 10 }), async (some, chunkBytes) => {
      const lengths: number[] = []
      const received: number[] = []
      for await (const chunk of gather(given(some), chunkPair(chunkBytes))) {
        lengths.push(chunk.length)
        received.push(...chunk)
      }
      expect(received).toEqual(some.flatMap((chunk) => [...chunk]))
      expect(lengths.slice(0, -1).every((length) => length === chunkBytes)).toBe(true)
      expect(lengths.at(-1) ?? 1).toBeGreaterThan(0)
    }),
  )
})

test('a chunk stays as it is while the next is made', async () => {
  const bytes = Uint8Array.from([1, 2, 3, 4])
  const chunks = gather(given([bytes]), chunkPair(2))[Symbol.asyncIterator]()
  const { value: first } = (await chunks.next()) as { value: Uint8Array }
  const { value: second } = (await chunks.next()) as { value: Uint8Array }
  expect([[...first], [...second]]).toEqual([
    [1, 2],
    [3, 4],
  ])
})

test('memory that holds what was copied, and nothing else, is free', async () => {
  const own = Uint8Array.from([1, 2, 3])
  const part = Uint8Array.from([0, 4, 5, 0]).subarray(1, 3)
  const received: number[] = []
  const source = (async function* () {
    yield own
    yield part
  })()
  for await (const chunk of gather(source, chunkPair(2))) received.push(...chunk)
  expect(received).toEqual([1, 2, 3, 4, 5])
  expect(own.buffer.detached).toBe(true)
  expect([...part]).toEqual([4, 5])
})

test('what came before a failure comes before the failure', async () => {
  const received: number[] = []
  const reading = (async () => {
    const source = given([Uint8Array.from([1, 2, 3])], new Error('cut'))
    for await (const chunk of gather(source, chunkPair(2))) received.push(...chunk)
  })()
  await expect(reading).rejects.toThrow('cut')
  expect(received).toEqual([1, 2, 3])
})
