import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fetchedDigest } from '../support/fetched.ts'
import { buildImage, type TestImage } from '../support/images.ts'
import { MirrorStage } from './mirror-stage.ts'
import { rowsOf, shortDigestOf } from './tables.ts'

const HOUR_MS = 3_600_000

describe('what goes', () => {
  let stage: MirrorStage
  let alpine: TestImage
  let node: TestImage

  beforeEach(async () => {
    stage = await MirrorStage.start()
    alpine = await stage.pull('library/alpine:3')
    await stage.age(HOUR_MS)
    node = await stage.pull('library/node:22')
  })

  afterEach(() => stage[Symbol.asyncDispose]())

  test('is told by a dry run, and gone after the real one', async () => {
    await stage.age(HOUR_MS)
    const dry = await stage.run('evict', '--dry-run', '--to', '0B')
    expect(dry.code).toBe(0)
    const [table = '', summary] = dry.stdout.split(/\n(?=would)/)
    expect(rowsOf(table)).toMatchObject([
      { DIGEST: shortDigestOf(alpine), 'LAST USE': '2h', NAMES: 'docker.io/library/alpine:3' },
      { DIGEST: shortDigestOf(node), 'LAST USE': '1h', NAMES: 'docker.io/library/node:22' },
    ])
    expect(summary).toMatch(/^would evict 2 images, \d+ contents: [\d.]+ KiB\n$/)
    const json = await stage.run('evict', '--dry-run', '--to', '0B', '--json')
    expect(json.stdout.trimEnd().split('\n')).toHaveLength(2)
    const real = await stage.run('evict', '--to', '0B')
    expect(real).toMatchObject({ code: 0, stdout: summary?.replace('would evict', 'evicted') })
    expect(rowsOf((await stage.run('ls')).stdout)).toEqual([])
    expect(await stage.run('evict')).toMatchObject({ code: 0, stdout: 'evicted nothing\n' })
  })

  test('is told once, and is not what is pinned', async () => {
    await stage.age(HOUR_MS)
    await stage.run('pin', 'node:*')
    const dry = await stage.run('evict', '--dry-run', '--to', '0B', '--json')
    const lines = dry.stdout.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { digest: alpine.root.digest, names: [{ tags: ['3'] }] },
    ])
  })

  test('by its name goes at once', async () => {
    const { code, stdout } = await stage.run('purge', 'docker.io/library/node:22', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ images: 1 })
    expect(rowsOf((await stage.run('ls')).stdout)).toMatchObject([
      { DIGEST: shortDigestOf(alpine) },
    ])
    expect(await stage.run('purge', 'node')).toMatchObject({
      code: 0,
      stdout: 'purged nothing\n',
    })
  })

  test('by its name leaves what others need, and says that its tag went', async () => {
    await stage.pull('library/copy:1', alpine)
    expect(await stage.run('purge', 'alpine:3')).toMatchObject({
      code: 0,
      stdout: 'purged 1 tag; others need what was tagged\n',
    })
  })

  test('by its digest, without a tag, leaves what others need, and says what went', async () => {
    const image = await buildImage({ seed: 'copied' })
    const { digest } = image.root
    stage.hub.add('library/copy', '1', image)
    await fetchedDigest(`${stage.url}/v2/library/copy/manifests/${digest}`)
    await stage.pull('library/own:1', image)
    expect(await stage.run('purge', `copy@${digest}`)).toMatchObject({
      code: 0,
      stdout: 'purged 1 content that others need\n',
    })
    expect(await stage.run('purge', `copy@${digest}`)).toMatchObject({ stdout: 'purged nothing\n' })
  })
})
