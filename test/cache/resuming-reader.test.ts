import { array, assert, asyncProperty, integer } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ResumingReader } from '../../src/cache/resuming-reader.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { UpstreamError } from '../../src/oci/upstream-error.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Gate } from '../support/gate.ts'
import { bytesOf } from '../support/images.ts'
import { ScriptedSource, upstreamError, type BlobScript } from '../support/scripted-source.ts'
import { until } from '../support/turns.ts'
import { drained, GIVE_UP_AFTER_MS, never, repository } from './fill-rig.ts'

const bytes = bytesOf('blob', 10_000)
const digest = digestOf(bytes)

function prepare(...scripts: BlobScript[]) {
  const source = new ScriptedSource()
  source.addBlob(repository.name, digest, bytes)
  source.script(...scripts)
  const clock = new FakeClock()
  const resumed: UpstreamError[] = []
  const options = {
    source,
    repository,
    digest,
    clock,
    giveUpAfterMs: GIVE_UP_AFTER_MS,
    onResume: (cause: UpstreamError) => resumed.push(cause),
  }
  const open = async (firstByte = 0, signal = never) =>
    (await ResumingReader.open(options, firstByte, signal))!
  return { source, clock, resumed, open }
}

function cutAt(at: number): BlobScript {
  return { cut: { at, error: upstreamError('unreachable') } }
}

describe('a resuming reader', () => {
  it('reads a blob, or the rest of it from some byte on, with one request', async () => {
    const { source, open } = prepare()
    expect((await drained(await open())).bytes.equals(bytes)).toBe(true)
    expect((await drained(await open(4000))).bytes.equals(bytes.subarray(4000))).toBe(true)
    expect(source.ranges).toEqual([undefined, { first: 4000 }])
    expect(source.openBodies).toBe(0)
  })

  it('gives undefined for what is absent, and throws what the first request throws', async () => {
    const error = upstreamError('server')
    const { source, open } = prepare({ absent: true }, { error })
    expect(await open()).toBeUndefined()
    expect(await caught(open())).toBe(error)
    expect(source.count('blob')).toBe(2)
  })

  it('goes on after a cut with the byte that is missing', async () => {
    const { source, resumed, open } = prepare(cutAt(3000), cutAt(3001), cutAt(9999))
    expect((await drained(await open())).bytes.equals(bytes)).toBe(true)
    expect(source.ranges).toEqual([undefined, { first: 3000 }, { first: 3001 }, { first: 9999 }])
    expect(resumed).toHaveLength(3)
    expect(source.openBodies).toBe(0)
  })

  it('gives every byte in order, wherever it is cut', async () => {
    await assert(
      asyncProperty(
        array(integer({ min: 0, max: bytes.length - 1 }), { maxLength: 8 }),
        integer({ min: 1, max: 5000 }),
        async (cuts, portionBytes) => {
          const positions = [...new Set(cuts)].sort((a, b) => a - b).filter((at) => at > 0)
          const { source, open } = prepare(...positions.map(cutAt))
          const reading = await drained(await open(), portionBytes)
          expect(reading.error).toBeUndefined()
          expect(reading.bytes.equals(bytes)).toBe(true)
          expect(source.ranges.slice(1)).toEqual(positions.map((first) => ({ first })))
        },
      ),
      { numRuns: 50 },
    )
  })

  it('takes an answer that ends too early for a cut', async () => {
    const { source, open } = prepare()
    source.wrap = (body) => {
      source.wrap = (inner) => inner
      return {
        ...body,
        read: async () => 0,
        [Symbol.asyncDispose]: () => body[Symbol.asyncDispose](),
      }
    }
    expect((await drained(await open())).bytes.equals(bytes)).toBe(true)
    expect(source.count('blob')).toBe(2)
  })

  it('resumes at once after progress, and pauses when there was none', async () => {
    const error = upstreamError('server')
    const { source, clock, open } = prepare(cutAt(3000), { error }, { error })
    const reading = drained(await open())
    await until('pause', () => clock.sleeping === 1)
    expect(source.count('blob')).toBe(2)
    clock.advance(250)
    await until('second pause', () => source.count('blob') === 3 && clock.sleeping === 1)
    clock.advance(500)
    expect((await reading).bytes.equals(bytes)).toBe(true)
    expect(source.count('blob')).toBe(4)
  })

  it('waits as long as upstream asks', async () => {
    const { source, clock, open } = prepare({
      cut: { at: 3000, error: upstreamError('rate-limited', 60_000) },
    })
    const reading = drained(await open())
    await until('pause', () => clock.sleeping === 1)
    clock.advance(59_999)
    expect(source.count('blob')).toBe(1)
    clock.advance(1)
    expect((await reading).bytes.equals(bytes)).toBe(true)
  })

  it('gives up at once when upstream asks for more patience than there is', async () => {
    const error = upstreamError('rate-limited', GIVE_UP_AFTER_MS)
    const { open } = prepare({ cut: { at: 3000, error } })
    const reading = await drained(await open())
    expect(reading.error).toBe(error)
    expect(reading.bytes.equals(bytes.subarray(0, 3000))).toBe(true)
  })

  it('gives up when no byte has come for long enough', async () => {
    const { source, clock, open } = prepare(cutAt(3000))
    const error = upstreamError('server')
    const reading = drained(await open())
    source.before = () => Promise.reject(error)
    const startedAtMs = clock.now()
    let settled = false
    void reading.then(() => (settled = true))
    await until('giving up', () => {
      if (clock.sleeping > 0) clock.advance(1000)
      return settled
    })
    expect((await reading).error).toBe(error)
    expect(clock.now() - startedAtMs).toBeGreaterThan(GIVE_UP_AFTER_MS - 10_000)
    expect(clock.now() - startedAtMs).toBeLessThanOrEqual(GIVE_UP_AFTER_MS)
    expect(source.count('blob')).toBeGreaterThan(10)
  })

  it('never gives up on a transfer that comes on, however long it takes', async () => {
    const stalls = Array.from({ length: 9 }, (_, index) => ({
      at: 1000 * (index + 1),
      gate: new Gate(),
    }))
    const timeout = upstreamError('timeout')
    const { clock, open } = prepare(
      ...stalls.map(({ at, gate }) => ({ hold: { at, gate }, cut: { at, error: timeout } })),
    )
    const reading = drained(await open())
    for (const { gate } of stalls) {
      await gate.reached
      clock.advance(GIVE_UP_AFTER_MS - 1)
      gate.open()
    }
    expect((await reading).bytes.equals(bytes)).toBe(true)
  })

  it.each(['denied', 'invalid', 'refused'] as const)('ends at once when it is %s', async (kind) => {
    const error = upstreamError(kind)
    const { source, open } = prepare({ cut: { at: 3000, error } })
    const reading = await drained(await open())
    expect(reading.error).toBe(error)
    expect(source.count('blob')).toBe(1)
  })

  it('ends when the blob has vanished, or is another size, after a cut', async () => {
    for (const change of [{ absent: true }, { sizeBytes: 9_999 }] as const) {
      const { source, open } = prepare(cutAt(3000), change)
      const reading = await drained(await open())
      expect(reading.error).toMatchObject({ name: 'UpstreamError', kind: 'invalid' })
      expect(reading.bytes.length).toBe(3000)
      expect(source.openBodies).toBe(0)
    }
  })

  it('ends with the signal, whatever it waits for', async () => {
    const reason = new Error('gone')
    for (const [scripts, wait] of waits()) {
      const { source, clock, open } = prepare(...scripts)
      const leaving = new AbortController()
      const reader = await open(0, leaving.signal)
      const reading = drained(reader)
      await wait(clock)
      leaving.abort(reason)
      expect((await reading).error).toBe(reason)
      expect([source.openBodies, clock.sleeping]).toEqual([0, 0])
    }
  })

  it('ends a read that waits when it is disposed, and asks nothing any more', async () => {
    for (const [scripts, wait] of waits()) {
      const { source, clock, open } = prepare(...scripts)
      const reader = await open()
      const reading = caught(
        (async () => {
          for (;;) await reader.read(Buffer.alloc(10_000))
        })(),
      )
      await wait(clock)
      const asked = source.count('blob')
      await reader[Symbol.asyncDispose]()
      expect(await reading).toMatchObject({ message: 'the reader is disposed' })
      clock.advance(GIVE_UP_AFTER_MS)
      expect(source.count('blob')).toBe(asked)
      expect([source.openBodies, clock.sleeping]).toEqual([0, 0])
    }
  })
})

/** What a read may wait for: bytes, a new answer, a pause. */
function waits(): [BlobScript[], (clock: FakeClock) => Promise<unknown>][] {
  const [bytesCome, answer] = [new Gate(), new Gate()]
  return [
    [[{ hold: { at: 3000, gate: bytesCome } }], () => bytesCome.reached],
    [[cutAt(3000), { gate: answer }], () => answer.reached],
    [
      [cutAt(3000), { error: upstreamError('server', 1000) }],
      (clock) => until('a pause', () => clock.sleeping === 1),
    ],
  ]
}
