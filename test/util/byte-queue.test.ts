import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteQueue } from '../../src/util/byte-queue.ts'

type Step = { push: Uint8Array } | { take: number } | { clear: true }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ push: fc.uint8Array({ maxLength: 50 }) }),
  fc.record({ take: fc.integer({ min: 0, max: 60 }) }),
  fc.record({ clear: fc.constant(true as const) }),
)

test('bytes come out as they went in, whatever the sizes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new ByteQueue()
      let model: number[] = []
      for (const step of steps) {
        if ('push' in step) {
          const bytes = Uint8Array.from(step.push)
          queue.push(bytes)
          model.push(...bytes)
          // The queue must not rely on memory that is not its own.
          bytes.fill(0xff)
        } else if ('take' in step) {
          const into = new Uint8Array(step.take)
          const count = queue.take(into)
          expect([...into.subarray(0, count)]).toEqual(model.slice(0, step.take))
          model = model.slice(count)
        } else {
          queue.clear()
          model = []
        }
        expect(queue.length).toBe(model.length)
      }
    }),
  )
})
