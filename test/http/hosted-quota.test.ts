import { expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { Gate } from '../support/gate.ts'
import { buildImage, bytesOf } from '../support/images.ts'
import { APP, pushBlob, pushBlobs, pushImage, pushManifest } from './hosted-push.ts'
import { startHosted } from './hosted-rig.ts'
import { errorOf } from './mirror.ts'

const UPLOADS = `${APP}/blobs/uploads/`
const one = bytesOf('one', 6_000)
const other = bytesOf('other', 6_000)

test('a repository takes what its quota holds, and no more; another has its own', async () => {
  await using rig = await startHosted({ quotaBytes: 10_000 })
  expect((await pushBlob(rig, one)).status).toBe(201)
  const refused = await pushBlob(rig, other)
  expect([refused.status, errorOf(refused)]).toEqual([
    403,
    {
      code: 'DENIED',
      message:
        'private/team/app has 6000 bytes; with 6000 more it would have more than its quota of 10000B',
    },
  ])
  expect((await rig.ask(`${APP}/blobs/${digestOf(other)}`)).status).toBe(404)
  expect((await pushBlob(rig, other, '/v2/private/other')).status).toBe(201)
  expect((await pushBlob(rig, bytesOf('small', 4_000))).status).toBe(201)
})

test('an upload that was refused is gone, so that it takes no space', async () => {
  await using rig = await startHosted({ quotaBytes: 5_000 })
  const { headers } = await rig.ask(UPLOADS, { method: 'POST' })
  const path = `${headers.location}?digest=${digestOf(one)}`
  expect((await rig.ask(path, { method: 'PUT', body: one })).status).toBe(403)
  expect((await rig.ask(headers.location!)).status).toBe(404)
})

test('what a repository has may be pushed again, however full it is', async () => {
  await using rig = await startHosted({ quotaBytes: 6_000 })
  for (const _ of [1, 2, 3]) expect((await pushBlob(rig, one)).status).toBe(201)
})

test('what is deleted makes room', async () => {
  await using rig = await startHosted({ quotaBytes: 10_000 })
  await pushBlob(rig, one)
  expect((await pushBlob(rig, other)).status).toBe(403)
  await rig.ask(`${APP}/blobs/${digestOf(one)}`, { method: 'DELETE' })
  expect((await pushBlob(rig, other)).status).toBe(201)
})

test('a mount counts, though no byte travels', async () => {
  await using rig = await startHosted({ quotaBytes: 10_000 })
  await pushBlob(rig, one)
  await pushBlob(rig, other, '/v2/private/base')
  const mount = () =>
    rig.ask(`${UPLOADS}?mount=${digestOf(other)}&from=private/base`, { method: 'POST' })
  const refused = await mount()
  expect([refused.status, errorOf(refused).code]).toEqual([403, 'DENIED'])
  await rig.ask(`${APP}/blobs/${digestOf(one)}`, { method: 'DELETE' })
  expect((await mount()).status).toBe(201)
})

test('a manifest counts as well, what it shares with another once', async () => {
  const image = await buildImage({ seed: 'counted' })
  const layersBytes = [...image.blobs.values()].reduce((sum, blob) => sum + blob.length, 0)
  const { digest } = image.root
  const allBytes = layersBytes + image.manifests.get(digest)!.bytes.length
  for (const quotaBytes of [allBytes, allBytes - 1]) {
    await using rig = await startHosted({ quotaBytes })
    await pushBlobs(rig, image)
    const pushed = await pushManifest(rig, image, digest, '1')
    expect(pushed.status).toBe(quotaBytes === allBytes ? 201 : 403)
    if (pushed.status === 201) await pushImage(rig, image, '2')
  }
})

test('what comes at the same time shares the room', async () => {
  const gate = new Gate()
  await using rig = await startHosted({
    quotaBytes: 10_000,
    steps: {
      record: async (run) => {
        await gate.pass()
        return run()
      },
    },
  })
  const first = pushBlob(rig, one)
  await gate.reached
  expect((await pushBlob(rig, other)).status).toBe(403)
  const again = pushBlob(rig, one)
  gate.open()
  expect([(await first).status, (await again).status]).toEqual([201, 201])
  expect((await pushBlob(rig, bytesOf('small', 4_000))).status).toBe(201)
})

test('many that push at once get as much as there is', async () => {
  await using rig = await startHosted({ quotaBytes: 10_000 })
  const blobs = Array.from({ length: 30 }, (_, index) => bytesOf(`blob ${index}`, 1_000))
  const answers = await Promise.all(blobs.map((blob) => pushBlob(rig, blob)))
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(10)
  expect(answers.filter(({ status }) => status === 403)).toHaveLength(20)
})
