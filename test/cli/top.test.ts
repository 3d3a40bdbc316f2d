import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Stats, TopEntry } from '../../src/admin-stats.ts'
import { eventually } from '../support/eventually.ts'
import { buildImage } from '../support/images.ts'
import { MirrorStage } from './mirror-stage.ts'
import { haveTerminal, onTerminal } from './pseudo-terminal.ts'
import { ENTREPOT } from './run-entrepot.ts'
import { rowsOf } from './tables.ts'

describe('what went to clients', () => {
  let stage: MirrorStage

  beforeAll(async () => {
    stage = await MirrorStage.start()
    await stage.pull('library/alpine:3')
    await stage.pull('library/node:22', await buildImage({ seed: 'node', layerBytes: 90_000 }))
    await stage.look('library/alpine:3')
    // A pull is counted when its answer has ended, which its client may notice first.
    await eventually('all is counted', async () => {
      const { pulls } = (await (await fetch(`${stage.adminUrl}/api/v1/stats`)).json()) as Stats
      return pulls.miss === 8 && pulls.hit === 1
    })
  })

  afterAll(() => stage[Symbol.asyncDispose]())

  test('is listed, the most first, with its pulls and how many of them cost upstream nothing', async () => {
    const { code, stdout, stderr } = await stage.run('top')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(rowsOf(stdout)).toEqual([
      {
        REPOSITORY: 'docker.io/library/node',
        SERVED: expect.stringMatching(/^\d+ KiB$/) as string,
        PULLS: '4',
        'HIT RATIO': '0.0 %',
      },
      {
        REPOSITORY: 'docker.io/library/alpine',
        SERVED: expect.stringMatching(/^[\d.]+ KiB$/) as string,
        PULLS: '5',
        'HIT RATIO': '20.0 %',
      },
    ])
    expect(stdout).not.toContain('\u001B')
  })

  test('is cut to so many, in JSON as the API has it', async () => {
    const { stdout } = await stage.run('top', '--limit=1', '--json')
    expect(JSON.parse(stdout)).toEqual([
      {
        repository: 'docker.io/library/node',
        bytes: expect.any(Number) as number,
        pulls: { hit: 0, miss: 4, join: 0, stale: 0, bypass: 0 },
      },
    ] satisfies TopEntry[])
  })

  test.each(['0', '101', 'many'])('is not told by --limit=%s', async (limit) => {
    expect(await stage.run('top', `--limit=${limit}`)).toEqual({
      code: 64,
      stdout: '',
      stderr: `entrepot: --limit takes a number from 1 to 100, not ${limit}\n`,
    })
  })

  test.runIf(haveTerminal())('is the same on a terminal', async () => {
    const seen = await onTerminal([...ENTREPOT, 'top', '--admin', stage.adminUrl], {})
    expect(rowsOf(seen.replaceAll('\r', ''))).toHaveLength(2)
  })
})

test('is nothing before the first pull', async () => {
  await using stage = await MirrorStage.start()
  expect(await stage.run('top')).toMatchObject({
    code: 0,
    stdout: 'nothing was served since the start\n',
  })
})
