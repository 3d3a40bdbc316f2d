import { describe, expect, test } from 'vitest'
import type { RollbackTarget } from '../../src/hosted/rollback.ts'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import type { Repository, Tag } from '../../src/oci/reference.ts'
import { buildImage, buildIndex } from '../support/images.ts'
import { APP, pushBlobs, pushImage, pushManifest, remove } from './hosted-push.ts'
import { HOUR_MS, startHosted, type HostedRig } from './hosted-rig.ts'
import { errorOf } from './mirror.ts'

const repository = { registry: 'private', name: 'team/app' as Repository }
const latest = 'latest' as Tag
const { signal } = new AbortController()

/** Pushed one an hour. */
async function pushInTurn(rig: HostedRig, ...seeds: string[]): Promise<Digest[]> {
  const digests: Digest[] = []
  for (const seed of seeds) {
    const image = await buildImage({ seed, layerBytes: 100 })
    await pushImage(rig, image, latest)
    digests.push(image.root.digest)
    rig.clock.advance(HOUR_MS)
  }
  return digests
}

const rollback = (rig: HostedRig, to?: RollbackTarget['to']) =>
  rig.rollback.run({ repository, tag: latest, to }, signal)

async function latestOf(rig: HostedRig): Promise<unknown> {
  return (await rig.ask(`${APP}/manifests/latest`)).headers['docker-content-digest']
}

describe('an immutable tag', () => {
  test.each(['v*', 'team/*:v1*', '**:v1.0'])(
    'by %s is pushed once, and the same again',
    async (pattern) => {
      await using rig = await startHosted({ immutable: [pattern] })
      const [one, two] = [await buildImage({ seed: 'one' }), await buildImage({ seed: 'two' })]
      await pushImage(rig, one, 'v1.0')
      await pushImage(rig, one, 'v1.0')
      await pushBlobs(rig, two)
      const answer = await pushManifest(rig, two, two.root.digest, 'v1.0')
      expect([answer.status, errorOf(answer)]).toMatchObject([
        403,
        {
          code: 'DENIED',
          message: `the tag v1.0 is immutable: it stands for ${one.root.digest}`,
        },
      ])
      expect((await rig.ask(`${APP}/manifests/${two.root.digest}`)).status).toBe(404)
      const pulled = await rig.ask(`${APP}/manifests/v1.0`)
      expect(pulled.headers['docker-content-digest']).toBe(one.root.digest)
    },
  )

  test('is not moved as a further tag of what is pushed', async () => {
    await using rig = await startHosted({ immutable: ['v*'] })
    const [one, two] = [await buildImage({ seed: 'one' }), await buildImage({ seed: 'two' })]
    await pushImage(rig, one, 'v1')
    await pushBlobs(rig, two)
    const { digest } = two.root
    const answer = await pushManifest(rig, two, digest, `${digest}?tag=latest&tag=v1`)
    expect(answer.status).toBe(403)
    expect((await rig.ask(`${APP}/manifests/latest`)).status).toBe(404)
  })

  test('is not deleted, nor what it stands for', async () => {
    await using rig = await startHosted({ immutable: ['v*'] })
    const image = await buildImage({ seed: 'one' })
    const index = buildIndex({ amd64: image })
    await pushImage(rig, index, 'v1')
    for (const reference of ['v1', index.root.digest, image.root.digest]) {
      const answer = await rig.ask(`${APP}/manifests/${reference}`, { method: 'DELETE' })
      expect([answer.status, errorOf(answer).code]).toEqual([403, 'DENIED'])
    }
    expect((await rig.ask(`${APP}/manifests/v1`)).status).toBe(200)
  })

  test('is none of those that no pattern names', async () => {
    await using rig = await startHosted({ immutable: ['v*', 'other:*', 'team/app:stable'] })
    const [, two] = await pushInTurn(rig, 'one', 'two')
    expect(await latestOf(rig)).toBe(two)
    await remove(rig, latest)
  })
})

describe('a tag', () => {
  test('has a history of what was pushed and when, the last first', async () => {
    await using rig = await startHosted()
    const startMs = rig.clock.now()
    const [one, two] = await pushInTurn(rig, 'one', 'two', 'one')
    expect(await rig.inventory.history(repository, latest)).toMatchObject([
      {
        descriptor: { digest: one },
        firstSeenMs: startMs,
        lastSeenMs: startMs + 2 * HOUR_MS,
        by: undefined,
      },
      { descriptor: { digest: two }, firstSeenMs: startMs + HOUR_MS },
    ])
  })

  test('goes back to what it stood for before, and back again', async () => {
    await using rig = await startHosted()
    const [one, two] = await pushInTurn(rig, 'one', 'two')
    expect(await rollback(rig)).toEqual({ outcome: 'back', digest: one })
    expect(await latestOf(rig)).toBe(one)
    rig.clock.advance(1)
    expect(await rollback(rig)).toEqual({ outcome: 'back', digest: two })
    expect(await latestOf(rig)).toBe(two)
  })

  test('goes back to a digest of its history, and to none that it never stood for', async () => {
    await using rig = await startHosted()
    const [one] = await pushInTurn(rig, 'one', 'two', 'three')
    expect(await rollback(rig, { digest: one! })).toEqual({ outcome: 'back', digest: one })
    const never = await buildImage({ seed: 'never' })
    await pushImage(rig, never, 'other')
    expect(await rollback(rig, { digest: never.root.digest })).toEqual({ outcome: 'unknown' })
    expect(await latestOf(rig)).toBe(one)
  })

  test('goes back to what it stood for at a time', async () => {
    await using rig = await startHosted()
    const startMs = rig.clock.now()
    const [one, two] = await pushInTurn(rig, 'one', 'two', 'one')
    const at = (ms: number) => rollback(rig, { atMs: startMs + ms })
    expect(await at(-1)).toEqual({ outcome: 'unknown' })
    expect(await at(1.5 * HOUR_MS)).toEqual({ outcome: 'back', digest: two })
    expect(await at(0.5 * HOUR_MS)).toEqual({ outcome: 'back', digest: one })
  })

  test('that was deleted goes back to what it stood for last', async () => {
    await using rig = await startHosted()
    const [, two] = await pushInTurn(rig, 'one', 'two')
    await remove(rig, latest)
    expect(await rollback(rig)).toEqual({ outcome: 'back', digest: two })
    expect(await latestOf(rig)).toBe(two)
  })

  test('does not go back where it is immutable, or was never pushed', async () => {
    await using rig = await startHosted({ immutable: ['team/app:latest'] })
    expect(await rollback(rig)).toEqual({ outcome: 'unknown' })
    const [one] = await pushInTurn(rig, 'one')
    await rig.inventory.seeTag(
      repository,
      latest,
      { digest: digestOf(Buffer.from('{}')), mediaType: 'a/manifest', sizeBytes: 2 },
      (await rig.inventory.tag(repository, latest))!,
    )
    expect(await rollback(rig)).toEqual({ outcome: 'immutable' })
    expect(await latestOf(rig)).toBe(one)
  })

  test('does not go back to what was deleted, in part or as a whole', async () => {
    await using rig = await startHosted()
    const part = await buildImage({ seed: 'part' })
    const index = buildIndex({ amd64: part })
    await pushImage(rig, index, latest)
    rig.clock.advance(1)
    const [two] = await pushInTurn(rig, 'two')
    await remove(rig, part.root.digest)
    const { digest } = index.root
    expect(await rollback(rig)).toEqual({ outcome: 'gone', digest })
    await remove(rig, digest)
    expect(await rollback(rig)).toEqual({ outcome: 'gone', digest })
    expect(await latestOf(rig)).toBe(two)
  })

  test('keeps the last ten that it stood for from being collected, while it is there', async () => {
    await using rig = await startHosted({ untagged: 'delete' })
    const seeds = Array.from({ length: 12 }, (_, index) => `${index}`)
    const digests = await pushInTurn(rig, ...seeds)
    rig.clock.advance(HOUR_MS)
    const collected = await rig.garbage.run(signal, () => {})
    expect(collected).toMatchObject({ manifests: 2 })
    expect(await rollback(rig, { digest: digests[1]! })).toMatchObject({ outcome: 'gone' })
    expect(await rollback(rig, { digest: digests[2]! })).toMatchObject({ outcome: 'back' })
    await remove(rig, latest)
    expect(await rig.garbage.run(signal, () => {})).toMatchObject({ manifests: 10 })
  })
})
