import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Stats } from '../../src/admin-stats.ts'
import { eventually } from '../support/eventually.ts'
import { MirrorStage } from './mirror-stage.ts'
import { haveTerminal, onTerminal } from './pseudo-terminal.ts'
import { ENTREPOT } from './run-entrepot.ts'

/** So that it does not matter when a command ran. */
function withoutAges(text: string): string {
  return text.replaceAll(/ *\b\d+[sm]\b/g, ' 0s')
}

describe.runIf(haveTerminal())('lists', () => {
  let stage: MirrorStage

  beforeAll(async () => {
    stage = await MirrorStage.start({ ENTREPOT_EVICTION__PINS__0: 'docker.io/library/node:*' })
    await stage.pull('library/alpine:3')
    // A pull is counted when its answer has ended, which its client may notice first.
    await eventually('all is counted', async () => {
      const { pulls } = (await (await fetch(`${stage.adminUrl}/api/v1/stats`)).json()) as Stats
      return pulls.miss === 4
    })
  })

  afterAll(() => stage[Symbol.asyncDispose]())

  test.each([
    ['ls', 'docker.io/library/alpine'],
    ['repositories', 'docker.io/library/alpine'],
    ['pins', 'docker.io/library/node:*'],
    ['history alpine:3', 'FIRST SEEN'],
    ['upstream list', 'docker.io'],
    ['errors', 'upstream is reached without encryption'],
    ['config running admin.host', 'ENTREPOT_ADMIN__HOST'],
  ])('%s are the same on a terminal as in a pipe', async (command, part) => {
    const words = command.split(' ')
    const { code, stdout, stderr } = await stage.run(...words)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain(part)
    expect(stdout).not.toContain('\u001B')
    const seen = await onTerminal([...ENTREPOT, ...words, '--admin', stage.adminUrl], {})
    expect(withoutAges(seen.replaceAll('\r', ''))).toBe(withoutAges(stdout))
  })
})
