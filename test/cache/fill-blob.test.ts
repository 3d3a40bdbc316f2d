import { expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { caught } from '../support/caught.ts'
import { Gate } from '../support/gate.ts'
import { bytesOf } from '../support/images.ts'
import { upstreamError, type ScriptedSource } from '../support/scripted-source.ts'
import { isPending } from '../support/turns.ts'
import { demo, mirrorOn, never, upstreamSource } from './mirror-rig.ts'

const bytes = bytesOf('blob', 300_000)
const digest = digestOf(bytes)
const other = parseRepository('library/other')!
const patient = { signal: never }

function prepare(...repositories: string[]): ScriptedSource {
  const source = upstreamSource()
  for (const repository of repositories) source.addBlob(repository, digest, bytes)
  return source
}

it('a blob that is filled without being read is held when that resolves', async () => {
  const source = prepare(demo)
  await using rig = await mirrorOn(source)
  expect(await rig.mirror.fillBlob(demo, digest, patient)).toBe('miss')
  expect(await rig.mirror.holds(demo, digest)).toBe(true)
  expect(await rig.mirror.fillBlob(demo, digest, patient)).toBe('hit')
  expect(source.asked).toHaveLength(1)
})

it('one that another repository is filling is joined, and linked from this one', async () => {
  const source = prepare(demo, other)
  await using rig = await mirrorOn(source, { isPublic: false })
  const gate = new Gate()
  source.script({ hold: { at: 100_000, gate } })
  const first = rig.mirror.fillBlob(demo, digest, patient)
  await gate.reached
  const joined = rig.mirror.fillBlob(other, digest, patient)
  expect(await isPending(joined)).toBe(true)
  gate.open()
  expect(await Promise.all([first, joined])).toEqual(['miss', 'join'])
  expect(await rig.mirror.holds(other, digest)).toBe(true)
  expect(source.count('blob')).toBe(1)
})

it('what upstream refused to another repository is asked for again', async () => {
  const source = prepare(demo, other)
  await using rig = await mirrorOn(source, { isPublic: false })
  const gate = new Gate()
  source.script({ gate, error: upstreamError('denied') })
  const first = caught(rig.mirror.fillBlob(demo, digest, patient))
  await gate.reached
  const joined = rig.mirror.fillBlob(other, digest, patient)
  expect(await isPending(joined)).toBe(true)
  gate.open()
  expect(await first).toMatchObject({ name: 'UpstreamError', kind: 'denied' })
  expect(await joined).toBe('miss')
})

it('one that upstream does not have is undefined', async () => {
  await using rig = await mirrorOn(prepare())
  expect(await rig.mirror.fillBlob(demo, digest, patient)).toBeUndefined()
})

it('one that could not be kept is told, with the reason', async () => {
  await using rig = await mirrorOn(prepare(demo))
  const full = new StoreError('no-space', 'the disk is full')
  rig.storeSteps.put = () => Promise.reject(full)
  expect(await caught(rig.mirror.fillBlob(demo, digest, patient))).toBe(full)
  expect(await rig.mirror.holds(demo, digest)).toBe(false)
})
