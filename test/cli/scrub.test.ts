import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { MirrorStage } from './mirror-stage.ts'
import { haveTerminal, onTerminal } from './pseudo-terminal.ts'
import { ENTREPOT } from './run-entrepot.ts'
import { rowsOf } from './tables.ts'

describe('what is wrong', () => {
  test('is found by a scrub', async () => {
    await using stage = await MirrorStage.start()
    const alpine = await stage.pull('library/alpine:3')
    expect(await stage.run('scrub')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^scrubbed 4 contents, [\d.]+ KiB: all whole\n$/) as string,
    })
    const [layer] = alpine.blobs.keys()
    const path = stage.pathOf(layer!)
    const bytes = await readFile(path)
    bytes[100]! ^= 1
    await writeFile(path, bytes)
    const { stdout } = await stage.run('scrub', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ contents: 4, quarantined: 1 })
  })

  test('is found by a sweep, which tells why', async () => {
    await using stage = await MirrorStage.start()
    await stage.pull('library/alpine:3')
    const stray = Buffer.from('a blob that nobody knows')
    const path = stage.pathOf(digestOf(stray))
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, stray)
    const dry = await stage.run('sweep', '--dry-run')
    expect(dry.code).toBe(0)
    expect(rowsOf(dry.stdout)).toMatchObject([{ ACTION: 'adopt', NAME: digestOf(stray) }])
    expect(await stage.run('sweep')).toMatchObject({ code: 0, stdout: 'swept: adopt 1\n' })
    expect(await stage.run('sweep')).toMatchObject({ code: 0, stdout: 'nothing to sweep\n' })
  })
})

describe('progress', () => {
  /** Slow enough to be seen, some seconds in all. */
  const SLOW = { ENTREPOT_SCRUB__RATE: '200KiB' }

  test('is a line a step in a pipe, beside the result', async () => {
    await using stage = await MirrorStage.start(SLOW)
    await stage.pull('library/alpine:3')
    const { code, stdout, stderr } = await stage.run('scrub')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^scrubbed 4 contents/)
    expect(stderr).toMatch(/^(?:scrub: \d+ % {2}[\d.]+ K?i?B of [\d.]+ KiB\n)+$/)
  })

  test.runIf(haveTerminal())('is a bar on a terminal, which is wiped at the end', async () => {
    await using stage = await MirrorStage.start(SLOW)
    await stage.pull('library/alpine:3')
    const seen = await onTerminal([...ENTREPOT, 'scrub', '--admin', stage.adminUrl], {})
    const drawn = seen.split('\r\u001B[K')
    expect(drawn.slice(1, -1).filter(Boolean)).not.toEqual([])
    for (const line of drawn.slice(1, -1).filter(Boolean)) {
      expect(line).toMatch(/^scrub {2}\[[#-]{30}\] {2}\d+ % {2}[\d.]+ K?i?B of [\d.]+ KiB$/)
    }
    expect(drawn.at(-1)).toMatch(/^scrubbed 4 contents, [\d.]+ KiB: all whole\r?\n$/)
  })
})
