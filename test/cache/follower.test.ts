import { describe, expect, it } from 'vitest'
import type { Followed } from '../../src/cache/fill.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { RangeSpec } from '../../src/oci/range.ts'
import { caught } from '../support/caught.ts'
import { Gate } from '../support/gate.ts'
import { bytesOf } from '../support/images.ts'
import { isPending } from '../support/turns.ts'
import { drained, fillRig, never } from './fill-rig.ts'

const bytes = bytesOf('blob', 1_000_000)
const other = bytesOf('other', 1_000_000)

describe('a follower of a range', () => {
  const size = bytes.length
  const ranges: [RangeSpec, number, number][] = [
    [{ first: 0, last: 0 }, 0, 0],
    [{ first: 10, last: 99 }, 10, 99],
    [{ first: 700_000 }, 700_000, size - 1],
    [{ first: size - 1 }, size - 1, size - 1],
    [{ first: size - 5000, last: size * 2 }, size - 5000, size - 1],
    [{ suffixBytes: 1 }, size - 1, size - 1],
    [{ suffixBytes: 300_000 }, size - 300_000, size - 1],
    [{ suffixBytes: size * 2 }, 0, size - 1],
  ]
  it.each(ranges)('gets %j', async (spec, first, last) => {
    await using rig = await fillRig(bytes)
    const fill = rig.start()
    const followed = await fill.follow(spec, never)
    expect(followed).toMatchObject({ sizeBytes: size, range: { first, last } })
    const reading = await drained(followed!.body)
    expect(reading.bytes.equals(bytes.subarray(first, last + 1))).toBe(true)
    await fill.ended
    expect(rig.source.ranges).toEqual([undefined])
  })

  it('is served as soon as its bytes are there, long before the blob is whole', async () => {
    await using rig = await fillRig(bytes)
    const gate = new Gate()
    rig.source.script({ hold: { at: 500_000, gate } })
    const fill = rig.start()
    const { body } = (await fill.follow({ first: 300_000, last: 399_999 }, never))!
    expect((await drained(body)).bytes.equals(bytes.subarray(300_000, 400_000))).toBe(true)
    const ahead = drained((await fill.follow({ first: 600_000, last: 600_009 }, never))!.body)
    expect(await isPending(ahead)).toBe(true)
    gate.open()
    expect((await ahead).bytes.equals(bytes.subarray(600_000, 600_010))).toBe(true)
    await fill.ended
  })

  it('is refused outside of the blob, and the fill goes on', async () => {
    await using rig = await fillRig(bytes)
    const fill = rig.start()
    expect(await caught(fill.follow({ first: size }, never))).toMatchObject({
      name: 'UnsatisfiableRangeError',
      sizeBytes: size,
    })
    await fill.ended
    expect(rig.ends).toEqual([{ kind: 'committed' }])
    expect(rig.spools.open).toBe(0)
  })

  it('never gets wrong bytes out of the held back end', async () => {
    await using rig = await fillRig(other, digestOf(bytes))
    const fill = rig.start()
    const reading = await drained((await fill.follow({ suffixBytes: 100 }, never))!.body)
    expect(reading).toMatchObject({ bytes: Buffer.alloc(0), error: { kind: 'invalid' } })
    await fill.ended
  })
})

describe('a follower that is slow or leaves', () => {
  it('slows neither the fill nor the others', async () => {
    await using rig = await fillRig(bytes)
    const fill = rig.start()
    const slow = (await fill.follow(undefined, never))!
    const quick = await drained((await fill.follow(undefined, never))!.body)
    expect(quick.bytes.equals(bytes)).toBe(true)
    await fill.ended
    expect(rig.ends).toEqual([{ kind: 'committed' }])
    expect(rig.spools.open).toBe(1)
    expect((await drained(slow.body, 10_000)).bytes.equals(bytes)).toBe(true)
    expect(rig.spools.open).toBe(0)
  })

  const leaves: [string, (followed: Followed, leaving: AbortController) => PromiseLike<void>][] = [
    ['disposes its reader', ({ body }) => body[Symbol.asyncDispose]()],
    [
      'disposes its reader twice',
      async ({ body }) => {
        await Promise.all([body[Symbol.asyncDispose](), body[Symbol.asyncDispose]()])
      },
    ],
    [
      'aborts, then disposes',
      async ({ body }, leaving) => {
        leaving.abort(new Error('gone'))
        expect(await caught(body.read(Buffer.alloc(10)))).toMatchObject({ message: 'gone' })
        await body[Symbol.asyncDispose]()
      },
    ],
    [
      'aborts while a read waits',
      async ({ body }, leaving) => {
        for (let at = 0; at < 400_000;) at += await body.read(Buffer.alloc(400_000 - at))
        const reading = caught(body.read(Buffer.alloc(10)))
        leaving.abort(new Error('gone'))
        expect(await reading).toMatchObject({ message: 'gone' })
        await body[Symbol.asyncDispose]()
      },
    ],
    [
      'disposes while a read waits',
      async ({ body }) => {
        for (let at = 0; at < 400_000;) at += await body.read(Buffer.alloc(400_000 - at))
        const reading = caught(body.read(Buffer.alloc(10)))
        await body[Symbol.asyncDispose]()
        expect(await reading).toMatchObject({ message: 'the reader is disposed' })
      },
    ],
  ]
  it.each(leaves)('changes nothing for others when it %s', async (_, leave) => {
    await using rig = await fillRig(bytes)
    const gate = new Gate()
    rig.source.script({ hold: { at: 400_000, gate } })
    const fill = rig.start()
    const leaving = new AbortController()
    const followed = (await fill.follow(undefined, leaving.signal))!
    const stays = drained((await fill.follow(undefined, never))!.body)
    await gate.reached
    await leave(followed, leaving)
    expect(fill.status.followers).toBe(1)
    gate.open()
    expect((await stays).bytes.equals(bytes)).toBe(true)
    await fill.ended
    expect(rig.ends).toEqual([{ kind: 'committed' }])
    expect(rig.source.count('blob')).toBe(1)
    expect(rig.spools.open).toBe(0)
  })

  it('may leave before upstream has answered', async () => {
    await using rig = await fillRig(bytes)
    const gate = new Gate()
    rig.source.script({ gate })
    const fill = rig.start()
    const leaving = new AbortController()
    const waits = caught(fill.follow(undefined, leaving.signal))
    const reason = new Error('gone')
    leaving.abort(reason)
    expect(await waits).toBe(reason)
    gate.open()
    await fill.ended
    expect(rig.ends).toEqual([{ kind: 'committed' }])
    expect(rig.spools.open).toBe(0)
  })

  it('keeps the spool open under a read that is on its way', async () => {
    await using rig = await fillRig(bytes)
    const fill = rig.start()
    const { body } = (await fill.follow(undefined, never))!
    await fill.ended
    const gate = new Gate()
    rig.spools.beforeRead = () => gate.pass()
    const reading = body.read(Buffer.alloc(10))
    await gate.reached
    const disposed = body[Symbol.asyncDispose]()
    expect(await isPending(disposed)).toBe(true)
    expect(rig.spools.open).toBe(1)
    gate.open()
    expect(await reading).toBe(10)
    await disposed
    expect(rig.spools.open).toBe(0)
  })

  it('leaves a fill that goes on to its end when everybody has left', async () => {
    await using rig = await fillRig(bytes)
    const gate = new Gate()
    rig.source.script({ hold: { at: 100_000, gate } })
    const fill = rig.start()
    const followed = await Promise.all([
      fill.follow(undefined, never),
      fill.follow(undefined, never),
    ])
    for (const one of followed) await one!.body[Symbol.asyncDispose]()
    expect(fill.status.followers).toBe(0)
    gate.open()
    await fill.ended
    expect(rig.ends).toEqual([{ kind: 'committed' }])
    expect(rig.committed[0]!.equals(bytes)).toBe(true)
    expect(rig.spools.open).toBe(0)
  })
})
