import { describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { Gate } from '../support/gate.ts'
import { bytesOf } from '../support/images.ts'
import type { ScriptedSource } from '../support/scripted-source.ts'
import { isPending, until } from '../support/turns.ts'
import { drained, type Reading } from './fill-rig.ts'
import { demo, mirrorOn, never, upstreamSource, type MirrorRig } from './mirror-rig.ts'

const blobs = [bytesOf('one', 200_000), bytesOf('two', 300_000)]
const digests = blobs.map((bytes) => digestOf(bytes))

/** A source that stops in the middle of each blob until the gate is opened. */
function prepare(): { source: ScriptedSource; gate: Gate } {
  const source = upstreamSource()
  const gate = new Gate()
  for (const [index, bytes] of blobs.entries()) source.addBlob(demo, digests[index]!, bytes)
  source.script({ hold: { at: 100_000, gate } }, { hold: { at: 100_000, gate } })
  return { source, gate }
}

/** Pulls a blob; resolves when its fill is at the gate. */
async function start(
  { mirror, fills }: MirrorRig,
  index: number,
): Promise<{ reading: Promise<Reading> }> {
  const blob = await mirror.blob(demo, digests[index]!, { signal: never })
  const reading = drained(blob!.body)
  await until('half is there', () =>
    fills.list().some(({ digest, bytes }) => digest === digests[index] && bytes === 100_000),
  )
  return { reading }
}

describe('the fills in flight', () => {
  it('are listed with their progress while they run', async () => {
    const { source, gate } = prepare()
    await using rig = await mirrorOn(source)
    const one = await start(rig, 0)
    const two = await start(rig, 1)
    const repository = { registry: 'docker.io', name: demo }
    const running = { repository, bytes: 100_000, followers: 1 }
    expect(rig.fills.list()).toMatchObject([
      { ...running, digest: digests[0], totalBytes: 200_000 },
      { ...running, digest: digests[1], totalBytes: 300_000 },
    ])
    gate.open()
    await Promise.all([one.reading, two.reading])
    await until('both have ended', () => rig.fills.list().length === 0)
    expect(rig.logged('fill started')).toHaveLength(2)
    expect(rig.logged('fill committed')).toHaveLength(2)
  })

  it('come to their end when they are drained in time', async () => {
    const { source, gate } = prepare()
    await using rig = await mirrorOn(source)
    const { reading } = await start(rig, 0)
    const drain = rig.fills.drain(never)
    expect(await isPending(drain)).toBe(true)
    gate.open()
    await drain
    expect((await reading).bytes.equals(blobs[0]!)).toBe(true)
    expect(rig.logged('fill committed')).toHaveLength(1)
  })

  it('are cut off at the deadline, also those that have started since', async () => {
    const { source } = prepare()
    await using rig = await mirrorOn(source)
    const first = await start(rig, 0)
    const deadline = new AbortController()
    const drain = rig.fills.drain(deadline.signal)
    const second = await start(rig, 1)
    deadline.abort()
    await drain
    expect(rig.fills.list()).toEqual([])
    expect(rig.logged('fill abandoned')).toHaveLength(2)
    for (const { error } of await Promise.all([first.reading, second.reading])) {
      expect(error).toMatchObject({ message: 'the mirror is stopping' })
    }
    expect([rig.spools.open, source.openBodies]).toEqual([0, 0])
  })

  it('are cut off at once when they are disposed', async () => {
    const { source } = prepare()
    const rig = await mirrorOn(source)
    const { reading } = await start(rig, 0)
    await rig[Symbol.asyncDispose]()
    expect((await reading).error).toMatchObject({ message: 'the mirror is stopping' })
    expect([rig.spools.open, source.openBodies]).toEqual([0, 0])
  })
})
