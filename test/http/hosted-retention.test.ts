import { describe, expect, test } from 'vitest'
import type { GarbageFinding } from '../../src/hosted/garbage-finding.ts'
import { buildImage } from '../support/images.ts'
import { APP, pushImage } from './hosted-push.ts'
import { HOUR_MS, startHosted, type HostedRig } from './hosted-rig.ts'

const { signal } = new AbortController()
const DAY_MS = 24 * HOUR_MS
const RULE = {
  repositories: ['team/*'],
  keepNewest: undefined,
  keepTags: [],
  unusedAfterMs: undefined,
}

const collect = (rig: HostedRig) => rig.garbage.run(signal, () => {})

/** Pushed one a day. */
async function pushInTurn(rig: HostedRig, tags: string[], repository = APP): Promise<void> {
  for (const tag of tags) {
    const image = await buildImage({ seed: tag, layerBytes: 100 })
    await pushImage(rig, image, tag, repository)
    rig.clock.advance(DAY_MS)
  }
}

async function tagsOf(rig: HostedRig, repository = APP): Promise<string[]> {
  const answer = await rig.ask(`${repository}/tags/list`)
  return (JSON.parse(answer.body.toString()) as { tags: string[] }).tags
}

describe('tags that no rule keeps', () => {
  test('are deleted, and what they stood for is freed where untagged manifests are', async () => {
    const retention = [{ ...RULE, keepNewest: 2, keepTags: ['v*'] }]
    await using rig = await startHosted({ retention, untagged: 'delete', immutable: ['lts'] })
    await pushInTurn(rig, ['v1', 'a', 'lts', 'b', 'c', 'd'])
    const { freedContents } = await collect(rig)
    expect(await tagsOf(rig)).toEqual(['c', 'd', 'lts', 'v1'])
    // Two manifests, with two layers and a config each.
    expect(freedContents).toBe(8)
    expect(await collect(rig)).toMatchObject({ tags: 0, manifests: 0, freedContents: 0 })
  })

  test('leave what they stood for where untagged manifests stay', async () => {
    await using rig = await startHosted({ retention: [{ ...RULE, keepNewest: 1 }] })
    await pushInTurn(rig, ['a', 'b'])
    const digest = (await rig.ask(`${APP}/manifests/a`)).headers['docker-content-digest']
    expect(await collect(rig)).toMatchObject({ tags: 1, manifests: 0, blobs: 0 })
    expect((await rig.ask(`${APP}/manifests/${String(digest)}`)).status).toBe(200)
  })

  test('are none of those that were pulled or pushed since', async () => {
    const retention = [{ ...RULE, unusedAfterMs: 3 * DAY_MS }]
    await using rig = await startHosted({ retention })
    await pushInTurn(rig, ['a', 'b', 'c'])
    expect((await rig.ask(`${APP}/manifests/a`)).status).toBe(200)
    rig.clock.advance(2 * DAY_MS - 1)
    expect(await collect(rig)).toMatchObject({ tags: 1 })
    expect(await tagsOf(rig)).toEqual(['a', 'c'])
  })

  test('are none of a repository without a rule', async () => {
    await using rig = await startHosted({ retention: [{ ...RULE, keepNewest: 0 }] })
    const other = '/v2/private/other'
    await pushInTurn(rig, ['a'], other)
    expect(await collect(rig)).toMatchObject({ tags: 0 })
    expect(await tagsOf(rig, other)).toEqual(['a'])
  })

  test('are told of with what goes with them by a dry run', async () => {
    const retention = [{ ...RULE, keepNewest: 1 }]
    await using rig = await startHosted({ retention, untagged: 'delete' })
    await pushInTurn(rig, ['a', 'b'])
    const digest = (await rig.ask(`${APP}/manifests/a`)).headers['docker-content-digest']
    const findings: GarbageFinding[] = []
    const item = async (finding: GarbageFinding) => void findings.push(finding)
    const summary = await rig.garbage.preview({ progress: () => {}, item, signal })
    expect(findings[0]).toEqual({
      kind: 'tag',
      repository: { registry: 'private', name: 'team/app' },
      tag: 'a',
      digest,
      bytes: 0,
      reason: 'not among the newest 1',
    })
    expect(findings.map(({ kind }) => kind)).toEqual(['tag', 'manifest', 'blob', 'blob', 'blob'])
    expect(await tagsOf(rig)).toEqual(['a', 'b'])
    expect(await collect(rig)).toEqual(summary)
  })
})
