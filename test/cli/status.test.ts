import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobEntry } from '../../src/admin-api.ts'
import type { Stats } from '../../src/admin-stats.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { RunningProcess } from '../support/processes.ts'
import { MirrorStage } from './mirror-stage.ts'
import { atTerminal, haveTerminal, onTerminal } from './pseudo-terminal.ts'
import { ENTREPOT } from './run-entrepot.ts'

const HOUR_MS = 3_600_000
const GREEN = '\u001B[32m'
const CLEAR_BELOW = '\u001B[J'

describe('of a mirror that is well', () => {
  let stage: MirrorStage

  beforeAll(async () => {
    stage = await MirrorStage.start(
      {
        ENTREPOT_UPSTREAMS__DOWN_TEST__URL: `http://127.0.0.1:${await freePort()}`,
        ENTREPOT_UPSTREAMS__DOCKER_IO__DEFAULT: 'true',
      },
      { rateLimit: { limit: 100 } },
    )
    await stage.pull('library/alpine:3')
    await stage.look('library/alpine:3')
    await stage.age(3 * HOUR_MS)
  })

  afterAll(() => stage[Symbol.asyncDispose]())

  const command = () => [...ENTREPOT, 'status', '--admin', stage.adminUrl]

  test('is one screen, in a pipe without color', async () => {
    const { code, stdout, stderr } = await stage.run('status')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^healthy, up for \d+s$/)
    expect(stdout).toMatch(/^pulls +\d+ {2}hit 1, miss \d$/m)
    expect(stdout).toMatch(/^held +[\d.]+ KiB {2}0\.0 % of 50\.0 GiB, 4 contents/m)
    expect(stdout).toMatch(/^goes next +docker\.io\/library\/alpine:3, used 3h ago$/m)
    expect(stdout).toMatch(/^docker\.io +anonymous {2}answers +\d+ of 100 +in \d+h +\d+\/\d+ ms$/m)
    expect(stdout).toMatch(/^down\.test +anonymous {2}not asked +- +- +-$/m)
    expect(stdout).toMatch(/^sweep +\d+s ago +in \d+h {2}nothing to do$/m)
    expect(stdout).not.toContain('\u001B')
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80)
  })

  test('is the API’s statistics and jobs as JSON', async () => {
    const { stdout } = await stage.run('status', '--json')
    const { stats, jobs } = JSON.parse(stdout) as { stats: Stats; jobs: JobEntry[] }
    expect(stats).toMatchObject({ pulls: { hit: 1 }, store: { entries: 4 } })
    expect(jobs.map(({ name }) => name)).toEqual(['evict', 'scrub', 'sweep'])
  })

  test('is told again and again in a pipe, until a signal', async () => {
    await using watch = new RunningProcess([...command(), '--watch'])
    await eventually('two blocks', () => /^healthy(?:.|\n)*\n\nhealthy/.test(watch.output))
    expect(watch.output).not.toContain('\u001B')
    watch.kill('SIGINT')
    expect(await watch.exited).toEqual({ code: 0, signal: null })
  })

  test('is a line of JSON each second where that is wanted', async () => {
    await using watch = new RunningProcess([...command(), '--watch', '--json'])
    await eventually('two lines', () => watch.output.split('\n').length > 2)
    const [first = ''] = watch.output.split('\n')
    expect(JSON.parse(first)).toMatchObject({ stats: { pulls: { hit: 1 } } })
  })

  describe.runIf(haveTerminal())('on a terminal', () => {
    test('has color', async () => {
      expect(await onTerminal(command(), {})).toContain(`${GREEN}healthy`)
    })

    test('has none where NO_COLOR is set', async () => {
      const seen = await onTerminal(command(), { NO_COLOR: '1' })
      expect(seen).toMatch(/^healthy, up for/)
      expect(seen).not.toContain('\u001B')
    })

    test.each([
      ['q', 'q'],
      ['Ctrl-C', '\u0003'],
    ])('is drawn over itself, until %s', async (_, key) => {
      await using watch = atTerminal([...command(), '--watch'], { NO_COLOR: '1' })
      await eventually('two frames', () => watch.output.split(CLEAR_BELOW).length > 2)
      watch.type(key)
      expect(await watch.exited).toEqual({ code: 0, signal: null })
      const [first = '', second = ''] = watch.output.split(CLEAR_BELOW)
      expect(first).toMatch(/^\r?healthy/)
      const drawn = first.split('\n').length - 1
      expect(second.startsWith(`\u001B[${drawn}A\r`)).toBe(true)
    })
  })
})

test('goes on while the daemon is away', async () => {
  await using stage = await MirrorStage.start()
  const command = [...ENTREPOT, 'status', '--watch', '--admin', stage.adminUrl]
  await using watch = new RunningProcess(command)
  await eventually('a block', () => watch.output.includes('healthy'))
  await stage.stop()
  await eventually('that it is away', () => watch.output.includes('\n\nno daemon answers at'))
  expect(watch.exit).toBeUndefined()
})
