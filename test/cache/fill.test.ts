import { describe, expect, it } from 'vitest'
import { HELD_BACK_BYTES } from '../../src/cache/verifying-reader.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { caught } from '../support/caught.ts'
import { Gate } from '../support/gate.ts'
import { bytesOf } from '../support/images.ts'
import { upstreamError } from '../support/scripted-source.ts'
import { isPending, until } from '../support/turns.ts'
import { drained, fillRig, never } from './fill-rig.ts'

const bytes = bytesOf('blob', 1_000_000)
const other = bytesOf('other', 1_000_000)

/** Sizes around the held back end and around the portions in which a fill copies. */
const SIZES = [0, 1, 4095, 4096, 4097, 8192, 262_144, 266_240, 266_241, 1_000_000]

describe('a fill', () => {
  it('asks upstream once for any number of followers and gives each every byte', async () => {
    await using rig = await fillRig(bytes)
    const fill = rig.start()
    const followed = await Promise.all(
      Array.from({ length: 20 }, () => fill.follow(undefined, never)),
    )
    const readings = await Promise.all(
      followed.map((one, index) => drained(one!.body, 1000 * (index + 1))),
    )
    for (const reading of readings) expect(reading.bytes.equals(bytes)).toBe(true)
    await fill.ended
    expect(rig.source.count('blob')).toBe(1)
    expect(rig.committed).toHaveLength(1)
    expect(rig.committed[0]!.equals(bytes)).toBe(true)
    expect(rig.ends).toEqual([{ kind: 'committed' }])
  })

  it('needs no follower', async () => {
    await using rig = await fillRig(bytes)
    await rig.start().ended
    expect(rig.ends).toEqual([{ kind: 'committed' }])
    expect(rig.committed[0]!.equals(bytes)).toBe(true)
  })

  it.each(SIZES)('serves and keeps a blob of %i bytes', async (size) => {
    await using rig = await fillRig(bytes.subarray(0, size))
    const fill = rig.start()
    const followed = await fill.follow(undefined, never)
    expect(followed).toMatchObject({ sizeBytes: size, range: { first: 0, last: size - 1 } })
    const reading = await drained(followed!.body)
    expect(reading.error).toBeUndefined()
    expect(reading.bytes.equals(bytes.subarray(0, size))).toBe(true)
    await fill.ended
    expect(rig.committed[0]!.length).toBe(size)
  })

  it.each(SIZES)('never gives out the end of %i wrong bytes, and keeps none', async (size) => {
    await using rig = await fillRig(other.subarray(0, size), digestOf(Buffer.from('right')))
    const fill = rig.start()
    const reading = await drained((await fill.follow(undefined, never))!.body)
    expect(reading.error).toMatchObject({ name: 'UpstreamError', kind: 'invalid' })
    const open = other.subarray(0, Math.max(0, size - HELD_BACK_BYTES))
    expect(reading.bytes.equals(open.subarray(0, reading.bytes.length))).toBe(true)
    await fill.ended
    expect(rig.committed).toEqual([])
    expect(rig.ends).toMatchObject([{ kind: 'abandoned', cause: { kind: 'invalid' } }])
    expect(await rig.spoolNames()).toEqual([])
  })

  it('verifies digests of sha512 too', async () => {
    await using rig = await fillRig(bytes, digestOf(bytes, 'sha512'))
    const fill = rig.start()
    const reading = await drained((await fill.follow(undefined, never))!.body)
    expect(reading.bytes.equals(bytes)).toBe(true)
  })

  it('streams before it is whole, up to the held back end', async () => {
    await using rig = await fillRig(bytes)
    const [middle, end] = [new Gate(), new Gate()]
    rig.source.script({ hold: { at: 400_000, gate: middle } })
    const fill = rig.start()
    const { body } = (await fill.follow(undefined, never))!
    await using owned = body
    const start = Buffer.alloc(400_000)
    for (let at = 0; at < start.length;) at += await owned.read(start.subarray(at))
    expect(start.equals(bytes.subarray(0, 400_000))).toBe(true)
    expect(await isPending(owned.read(Buffer.alloc(10)))).toBe(true)
    expect(fill.status).toMatchObject({
      bytes: 400_000,
      totalBytes: bytes.length,
      bytesPerSecond: 400_000,
      followers: 1,
    })
    end.open()
    middle.open()
    await fill.ended
  })

  it('holds the last bytes back until the digest is verified', async () => {
    await using rig = await fillRig(bytes)
    const gate = new Gate()
    rig.source.script({ hold: { at: bytes.length - 1, gate } })
    const fill = rig.start()
    const { body } = (await fill.follow(undefined, never))!
    await using owned = body
    const open = Buffer.alloc(bytes.length - HELD_BACK_BYTES)
    for (let at = 0; at < open.length;) at += await owned.read(open.subarray(at))
    const end = Buffer.alloc(HELD_BACK_BYTES + 1)
    const reading = owned.read(end)
    await gate.reached
    expect(await isPending(reading)).toBe(true)
    gate.open()
    expect(await reading).toBe(HELD_BACK_BYTES)
    expect(end.subarray(0, HELD_BACK_BYTES).equals(bytes.subarray(-HELD_BACK_BYTES))).toBe(true)
    expect(await owned.read(end)).toBe(0)
  })

  it('lets followers have the verified end while it is still being kept', async () => {
    await using rig = await fillRig(bytes)
    const gate = new Gate()
    const fill = rig.start(() => gate.pass())
    const reading = await drained((await fill.follow(undefined, never))!.body)
    expect(reading.bytes.equals(bytes)).toBe(true)
    expect(rig.ends).toEqual([])
    gate.open()
    await fill.ended
  })

  it('is absent for everyone where upstream does not have the blob', async () => {
    await using rig = await fillRig(bytes)
    rig.source.script({ absent: true })
    const fill = rig.start()
    const waits = [
      fill.follow(undefined, never),
      fill.follow({ first: 5 }, never),
      fill.sizeBytes(never),
    ]
    expect(await Promise.all(waits)).toEqual([undefined, undefined, undefined])
    await fill.ended
    expect(rig.ends).toEqual([{ kind: 'absent' }])
    expect(await rig.spoolNames()).toEqual([])
  })

  it('tells everyone who waits why upstream did not answer', async () => {
    await using rig = await fillRig(bytes)
    const error = upstreamError('rate-limited')
    rig.source.script({ error })
    const fill = rig.start()
    const waits = [
      fill.follow(undefined, never),
      fill.follow({ first: 5 }, never),
      fill.sizeBytes(never),
    ]
    expect(await Promise.all(waits.map(caught))).toEqual([error, error, error])
    await fill.ended
    expect(rig.ends).toEqual([{ kind: 'abandoned', cause: error }])
    expect(rig.spools.open).toBe(0)
  })

  it('fails alone when nobody waits', async () => {
    await using rig = await fillRig(bytes)
    rig.source.script({ error: upstreamError('server') })
    await rig.start().ended
    expect(rig.ends).toMatchObject([{ kind: 'abandoned' }])
  })

  it('is over for its followers when it is abandoned', async () => {
    await using rig = await fillRig(bytes)
    const gate = new Gate()
    rig.source.script({ hold: { at: 400_000, gate } })
    const fill = rig.start()
    const reading = drained((await fill.follow(undefined, never))!.body)
    await gate.reached
    const reason = new Error('the mirror is stopping')
    fill.abandon(reason)
    expect((await reading).error).toBe(reason)
    await fill.ended
    expect(rig.ends).toEqual([{ kind: 'abandoned', cause: reason }])
    expect(rig.spools.open).toBe(0)
    expect(rig.source.openBodies).toBe(0)
  })

  it('ends a commit that is under way when it is abandoned, and still serves the blob', async () => {
    await using rig = await fillRig(bytes)
    const gate = new Gate()
    const fill = rig.start((_, __, signal) => gate.pass(signal))
    const { body } = (await fill.follow(undefined, never))!
    await gate.reached
    fill.abandon(new Error('the mirror is stopping'))
    await fill.ended
    expect(rig.ends).toMatchObject([{ kind: 'abandoned' }])
    expect((await drained(body)).bytes.equals(bytes)).toBe(true)
    expect(rig.spools.open).toBe(0)
  })

  it('serves the blob when it could not be kept', async () => {
    await using rig = await fillRig(bytes)
    const cause = new Error('inventory is broken')
    const fill = rig.start(() => Promise.reject(cause))
    const reading = await drained((await fill.follow(undefined, never))!.body)
    expect(reading.bytes.equals(bytes)).toBe(true)
    await fill.ended
    expect(rig.ends).toEqual([{ kind: 'abandoned', cause }])
    expect(rig.source.count('blob')).toBe(1)
  })
})

describe('the spool of a fill', () => {
  it('is released once, when the fill is over and the last follower has left', async () => {
    await using rig = await fillRig(bytes)
    const fill = rig.start()
    const followed = await Promise.all([
      fill.follow(undefined, never),
      fill.follow(undefined, never),
    ])
    await fill.ended
    await followed[0]!.body[Symbol.asyncDispose]()
    expect(rig.spools.open).toBe(1)
    await followed[1]!.body[Symbol.asyncDispose]()
    await followed[1]!.body[Symbol.asyncDispose]()
    expect(rig.spools.open).toBe(0)
    expect(await rig.spoolNames()).toEqual([])
  })

  it('is there for those who waited for the first answer and start to read after the end', async () => {
    await using rig = await fillRig(bytes)
    const fill = rig.start()
    const follows = [fill.follow(undefined, never), fill.follow({ first: 999_999 }, never)]
    await fill.ended
    const [whole, last] = await Promise.all(follows)
    expect((await drained(whole!.body)).bytes.equals(bytes)).toBe(true)
    expect((await drained(last!.body)).bytes.equals(bytes.subarray(999_999))).toBe(true)
    await until('released', () => rig.spools.open === 0)
  })

  it.each(['the fill', 'the last follower'])(
    'is reported, and fails nobody, when it cannot be removed after %s',
    async (last) => {
      await using rig = await fillRig(bytes)
      const cause = new Error('EIO')
      rig.spools.afterDispose = () => Promise.reject(cause)
      const fill = rig.start()
      const followed = (await fill.follow(undefined, never))!
      if (last === 'the fill') await followed.body[Symbol.asyncDispose]()
      await fill.ended
      if (last !== 'the fill') await followed.body[Symbol.asyncDispose]()
      expect(rig.releaseFailures).toEqual([cause])
    },
  )
})
