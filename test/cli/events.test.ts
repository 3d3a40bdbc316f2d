import { expect, test } from 'vitest'
import type { ContentEvent } from '../../src/telemetry/content-event.ts'
import { eventually } from '../support/eventually.ts'
import { RunningProcess } from '../support/processes.ts'
import { MirrorStage } from './mirror-stage.ts'
import { ENTREPOT } from './run-entrepot.ts'

function tail(stage: MirrorStage, ...args: string[]): RunningProcess {
  return new RunningProcess([...ENTREPOT, 'events', 'tail', '--admin', stage.adminUrl, ...args])
}

test('events tail prints what is pulled, mirrored and evicted, until the daemon ends', async () => {
  await using stage = await MirrorStage.start()
  await using people = tail(stage)
  await using programs = tail(stage, '--json')
  // Only who is there is told.
  await eventually('both listen', async () => {
    await stage.pull('library/before:1')
    return [people, programs].every(({ output }) => output.includes('pull'))
  })
  const image = await stage.pull('library/demo:1')
  await stage.run('purge', 'demo:1')
  await eventually('the end', () =>
    [people, programs].every(({ output }) => output.includes('evict')),
  )
  const events = programs.output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ContentEvent)
    .filter(({ target }) => target.repository === 'docker.io/library/demo')
  const told = events.map(({ action, target }) => `${action} ${target.digest}`)
  const { digest, mediaType, sizeBytes } = image.root
  expect(told.toSorted()).toEqual(
    [
      `pull ${digest}`,
      `mirror ${digest}`,
      ...[...image.blobs.keys()].map((blob) => `mirror ${blob}`),
      `evict ${digest}`,
    ].toSorted(),
  )
  expect(told.at(-1)).toBe(`evict ${digest}`)
  const kept = events.find(({ action, target }) => action === 'mirror' && target.digest === digest)
  expect(kept).toMatchObject({ target: { mediaType, size: sizeBytes }, request: { id: '' } })
  expect(people.output).toMatch(
    new RegExp(`^\\S+Z {2}pull {4}docker.io/library/demo:1@${digest} {2}.* 127.0.0.1 `, 'm'),
  )
  await stage.stop()
  expect(await programs.exited).toEqual({ code: 69, signal: null })
  expect(programs.output).toContain('went away')
})
