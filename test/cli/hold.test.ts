import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildImage } from '../support/images.ts'
import { MirrorStage } from './mirror-stage.ts'
import { rowsOf, shortDigestOf } from './tables.ts'

const IMAGE = 'docker.io/library/node:22'
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string

const old = await buildImage({ seed: 'old' })
const young = await buildImage({ seed: 'young' })

describe('tags that upstream has moved', () => {
  let stage: MirrorStage

  beforeAll(async () => {
    stage = await MirrorStage.start({
      ENTREPOT_UPSTREAMS__DOCKER_IO__TAGS__FRESH_FOR: '0s',
      ENTREPOT_UPSTREAMS__DOCKER_IO__TAGS__HOLD: '72h',
    })
    await stage.pull('library/node:22', old)
    stage.hub.add('library/node', '22', young)
    await stage.look('library/node:22')
  })

  afterAll(() => stage[Symbol.asyncDispose]())

  test('are listed with what they are and what they would be', async () => {
    const { code, stdout, stderr } = await stage.run('holds')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(rowsOf(stdout)).toEqual([
      {
        IMAGE,
        DIGEST: shortDigestOf(old),
        'NEW DIGEST': shortDigestOf(young),
        'KNOWN FOR': expect.stringMatching(/^\d+s$/) as string,
        'SERVED IN': '2d',
      },
    ])
    const { stdout: json } = await stage.run('holds', '--json')
    expect(JSON.parse(json)).toMatchObject([{ tag: '22', newDigest: young.root.digest }])
  })

  test('have a history', async () => {
    const { stdout } = await stage.run('history', 'node:22')
    const seen = { 'FIRST SEEN': TIME, 'LAST SEEN': TIME }
    expect(rowsOf(stdout)).toEqual([
      { ...seen, 'SERVED SINCE': 'never', DIGEST: young.root.digest },
      { ...seen, 'SERVED SINCE': TIME, DIGEST: old.root.digest },
    ])
    const { stdout: json } = await stage.run('history', 'node:22', '--json')
    expect(JSON.parse(json)).toMatchObject([
      { digest: young.root.digest, servedSince: null },
      { digest: old.root.digest },
    ])
  })

  test('are frozen, and not frozen any more', async () => {
    const { digest } = old.root
    expect(await stage.run('freeze', 'node:22', '--at', digest)).toMatchObject({
      code: 0,
      stdout: `froze ${IMAGE} at ${digest}\n`,
    })
    const { stdout } = await stage.run('freezes')
    expect(rowsOf(stdout)).toMatchObject([{ IMAGE, DIGEST: shortDigestOf(old) }])
    const { stdout: json } = await stage.run('freezes', '--json')
    expect(JSON.parse(json)).toMatchObject([{ tag: '22', digest }])
    expect(await stage.run('release', 'node:22')).toMatchObject({
      code: 1,
      stderr: `entrepot: ${IMAGE} is frozen: unfreeze it first\n`,
    })
    expect(await stage.run('unfreeze', 'node:22')).toMatchObject({
      code: 0,
      stdout: `unfroze ${IMAGE}\n`,
    })
  })

  test('are released', async () => {
    expect(await stage.run('release', 'node:22')).toMatchObject({
      code: 0,
      stdout: `released ${IMAGE}, now ${young.root.digest}\n`,
    })
    expect(await stage.run('release', 'node:22')).toMatchObject({
      code: 1,
      stderr: `entrepot: nothing waits for ${IMAGE}\n`,
    })
  })

  test.each([
    ['3d', 1, `nobody knows what ${IMAGE} was served as at 2`],
    ['2020-01-01', 1, `nobody knows what ${IMAGE} was served as at 2020-01-01T00:00:00.000Z`],
    ['yore', 64, '--at takes a digest, a time or a duration such as 3d, not yore'],
    ['12', 64, '--at takes a digest, a time or a duration such as 3d, not 12'],
    ['sha256:0', 64, 'at: expected a digest or a time, not sha256:0'],
  ])('are not frozen at %s', async (at, code, message) => {
    const ended = await stage.run('freeze', 'node:22', '--at', at)
    expect(ended.code).toBe(code)
    expect(ended.stderr).toContain(message)
  })
})
