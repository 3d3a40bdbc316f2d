import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildImage, type TestImage } from '../support/images.ts'
import { MirrorStage } from './mirror-stage.ts'
import { rowsOf, shortDigestOf } from './tables.ts'

describe('what is held', () => {
  let stage: MirrorStage
  let alpine: TestImage
  let node: TestImage

  beforeAll(async () => {
    stage = await MirrorStage.start({ ENTREPOT_EVICTION__PINS__0: 'docker.io/library/node:2*' })
    alpine = await stage.pull('library/alpine:3')
    await stage.pull('library/alpine:latest', alpine)
    node = await stage.pull('library/node:22', await buildImage({ seed: 'node', layers: 3 }))
  })

  afterAll(() => stage[Symbol.asyncDispose]())

  test('is listed as a table', async () => {
    const { code, stdout, stderr } = await stage.run('ls')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(rowsOf(stdout)).toEqual([
      {
        REPOSITORY: 'docker.io/library/alpine',
        TAGS: '3,latest',
        DIGEST: shortDigestOf(alpine),
        SIZE: expect.stringMatching(/^\d[\d.]* KiB$/) as string,
        SHARED: '0 B',
        PULLS: expect.stringMatching(/^\d+$/) as string,
        'HIT RATIO': expect.stringMatching(/^(?:-|[\d.]+ %)$/) as string,
        'LAST USE': expect.stringMatching(/^\d+s$/) as string,
        AGE: expect.stringMatching(/^\d+s$/) as string,
        STATE: 'whole',
        PINNED: '',
      },
      expect.objectContaining({
        DIGEST: shortDigestOf(node),
        STATE: 'whole',
        PINNED: 'yes',
      }) as object,
    ])
  })

  test('of one repository, in JSON a line for each image', async () => {
    const { code, stdout } = await stage.run('ls', 'alpine', '--json')
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { repository: 'docker.io/library/alpine', tags: ['3', 'latest'], digest: alpine.root.digest },
    ])
  })

  test('is summed up by repository', async () => {
    const { code, stdout, stderr } = await stage.run('repositories')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(rowsOf(stdout)).toEqual([
      {
        REPOSITORY: 'docker.io/library/alpine',
        IMAGES: '1',
        SIZE: expect.stringMatching(/^\d[\d.]* KiB$/) as string,
        SHARED: '0 B',
        SERVED: expect.stringMatching(/^\d[\d.]* (?:B|KiB)$/) as string,
        PULLS: expect.stringMatching(/^\d+$/) as string,
        'HIT RATIO': expect.stringMatching(/^(?:-|[\d.]+ %)$/) as string,
        'LAST USE': expect.stringMatching(/^\d+s$/) as string,
      },
      expect.objectContaining({ REPOSITORY: 'docker.io/library/node', IMAGES: '1' }) as object,
    ])
    const { stdout: json } = await stage.run('repositories', 'NODE', '--json')
    expect(JSON.parse(json)).toMatchObject({ repository: 'docker.io/library/node', images: 1 })
  })

  test('is pinned, and not pinned any more', async () => {
    expect(await stage.run('pin', 'alpine:3*')).toMatchObject({
      code: 0,
      stdout: 'pinned docker.io/library/alpine:3*\n',
    })
    const { stdout } = await stage.run('pins')
    expect(rowsOf(stdout)).toMatchObject([
      { PATTERN: 'docker.io/library/alpine:3*', IMAGES: '1' },
      { PATTERN: 'docker.io/library/node:2*', IMAGES: '1', SINCE: 'config' },
    ])
    expect(await stage.run('unpin', 'alpine:3*')).toMatchObject({ code: 0 })
    expect(await stage.run('unpin', 'alpine:3*')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'entrepot: there is no pin docker.io/library/alpine:3*\n',
    })
    const { stdout: json } = await stage.run('pins', '--json')
    expect(JSON.parse(json)).toMatchObject([{ pattern: 'docker.io/library/node:2*', images: 1 }])
  })

  test.each([
    ['purge', 'Alpine', 'Alpine is not the name of an image'],
    ['ls', 'alpine:3', 'alpine:3 is not the name of a repository'],
    ['pin', 'alpine:', 'alpine: is not a pattern of images'],
    ['evict', '--to=much', '--to takes a size such as 20GiB, not much'],
  ])('%s %s is a wrong call', async (command, argument, message) => {
    expect(await stage.run(command, argument)).toEqual({
      code: 64,
      stdout: '',
      stderr: `entrepot: ${message}\n`,
    })
  })
})
