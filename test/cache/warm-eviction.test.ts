import { expect, it } from 'vitest'
import { Gate } from '../support/gate.ts'
import { a, b, c, d, HOUR_MS, listener, PASS, sizes, whole } from './eviction-rig.ts'
import { demo, type MirrorRigOptions } from './mirror-rig.ts'
import { warmRig, type WarmRig } from './warm-rig.ts'

async function prepare(options: MirrorRigOptions): Promise<WarmRig> {
  const rig = await warmRig(options)
  for (const [tag, image] of Object.entries({ a, b, c, d })) rig.source.add(demo, tag, image)
  return rig
}

it('all that a run has brought stays until the run has ended, however long that takes', async () => {
  await using rig = await prepare({ ttlMs: HOUR_MS / 2 })
  const gate = new Gate()
  rig.source.script(...Array.from(a.blobs, () => ({})), { gate })
  const warmed = rig.run(['a', 'b'])
  await gate.reached
  rig.clock.advance(HOUR_MS)
  expect(await rig.eviction.run(PASS, listener())).toMatchObject({ images: 0 })
  gate.open()
  expect((await warmed).map(({ failure }) => failure)).toEqual([undefined, undefined])
  expect(await whole(rig)).toBe('ab')
  await rig.uses.flush()
  rig.clock.advance(HOUR_MS)
  expect(await rig.eviction.run(PASS, listener())).toMatchObject({ images: 2 })
})

it('more than fits is told of, and takes nothing that is pinned', async () => {
  const limits = { maxBytes: sizes[0]! * 2.5 }
  await using rig = await prepare({ limits, pins: ['docker.io/library/demo:a'] })
  await rig.run(['a'])
  rig.clock.advance(HOUR_MS)
  const gate = new Gate()
  rig.source.script(...Array.from([...b.blobs, ...c.blobs], () => ({})), { gate })
  const warmed = rig.run(['b', 'c', 'd'])
  await gate.reached
  expect(await rig.eviction.run(PASS, listener())).toMatchObject({ images: 0 })
  gate.open()
  expect((await warmed).map(({ failure }) => failure?.reason)).toEqual([
    undefined,
    undefined,
    'not-kept',
  ])
  expect((await warmed).map(({ missingBytes }) => missingBytes > 0)).toEqual([false, false, true])
  for (const { root } of [a, b, c]) expect(await rig.inventory.held(root.digest)).toBeDefined()
})
