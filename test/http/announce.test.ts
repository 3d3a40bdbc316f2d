import { expect, test } from 'vitest'
import { parseRepository, parseTag } from '../../src/oci/reference.ts'
import { eventually } from '../support/eventually.ts'
import { fetchedDigest } from '../support/fetched.ts'
import { FeedRecorder } from '../support/feed-recorder.ts'
import { Gate } from '../support/gate.ts'
import { buildImage } from '../support/images.ts'
import { pushImage } from './hosted-push.ts'
import { HOUR_MS, startHosted, type HostedRig } from './hosted-rig.ts'

const APP = '/v2/private/app'
const image = await buildImage({ seed: 'announced' })
const { digest, mediaType, sizeBytes } = image.root
const { bytes } = image.manifests.get(digest)!
const put = { method: 'PUT', headers: { 'Content-Type': mediaType }, body: bytes }

async function pushBlobs(rig: HostedRig): Promise<void> {
  for (const [blob, body] of image.blobs) {
    const path = `${APP}/blobs/uploads/?digest=${blob}`
    expect((await rig.ask(path, { method: 'POST', body: Buffer.from(body) })).status).toBe(201)
  }
}

test('what is pushed, mounted and deleted is told in its order', async () => {
  await using rig = await startHosted()
  const recorder = new FeedRecorder()
  using _listening = rig.feed.listen(recorder)
  await pushBlobs(rig)
  await rig.ask(`${APP}/manifests/1?tag=2`, put)
  const [blob] = image.blobs.keys()
  const mount = `/v2/private/other/blobs/uploads/?mount=${blob}&from=private/app`
  await rig.ask(mount, { method: 'POST' })
  await rig.ask(`${APP}/manifests/2`, { method: 'DELETE' })
  await rig.ask(`${APP}/manifests/${digest}`, { method: 'DELETE' })
  await rig.ask(`${APP}/blobs/${blob}`, { method: 'DELETE' })
  expect(recorder.told).toEqual([
    ...[...image.blobs.keys()].map((pushed) => `push private/app - ${pushed}`),
    `push private/app 1 ${digest}`,
    `push private/app 2 ${digest}`,
    `mount private/other - ${blob}`,
    'delete private/app 2 -',
    `delete private/app - ${digest}`,
    `delete private/app - ${blob}`,
  ])
  expect(recorder.events.find(({ action }) => action === 'mount')?.target).toMatchObject({
    fromRepository: 'private/app',
  })
})

test('an event says what, where, by whom and how it was asked for', async () => {
  await using rig = await startHosted()
  const recorder = new FeedRecorder()
  using _listening = rig.feed.listen(recorder)
  await pushBlobs(rig)
  await rig.ask(`${APP}/manifests/1`, { ...put, headers: { ...put.headers, 'User-Agent': 'me/1' } })
  const event = recorder.events.at(-1)
  expect(JSON.parse(JSON.stringify(event))).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
    action: 'push',
    target: {
      mediaType,
      size: sizeBytes,
      digest,
      length: sizeBytes,
      repository: 'private/app',
      url: `http://127.0.0.1:${rig.port}${APP}/manifests/${digest}`,
      tag: '1',
    },
    request: {
      id: expect.any(String),
      addr: '127.0.0.1',
      host: `127.0.0.1:${rig.port}`,
      method: 'PUT',
      useragent: 'me/1',
    },
    actor: {},
    source: { addr: expect.any(String), instanceID: expect.any(String) },
  })
  const pulled = await fetch(event!.target.url!)
  expect(Buffer.from(await pulled.arrayBuffer())).toEqual(Buffer.from(bytes))
})

test.each(['blobs', 'a/manifests', 'blobs/uploads'])(
  'it says where the content of private/%s can be pulled',
  async (name) => {
    await using rig = await startHosted()
    const recorder = new FeedRecorder()
    using _listening = rig.feed.listen(recorder)
    for (const [blob, body] of image.blobs) {
      const path = `/v2/private/${name}/blobs/uploads/?digest=${blob}`
      await rig.ask(path, { method: 'POST', body: Buffer.from(body) })
    }
    await rig.ask(`/v2/private/${name}/manifests/1`, put)
    // What is pulled here is told as well.
    const pushes = recorder.events.splice(0)
    expect(pushes).toHaveLength(image.blobs.size + 1)
    for (const { target } of pushes) {
      expect(await fetchedDigest(target.url!)).toBe(target.digest)
    }
  },
)

test('a push is answered when it is written down', async () => {
  await using rig = await startHosted()
  const recorder = new FeedRecorder()
  using _listening = rig.feed.listen(recorder)
  await pushBlobs(rig)
  const gate = new Gate()
  recorder.settle = () => gate.pass()
  let isAnswered = false
  const pushing = rig.ask(`${APP}/manifests/1`, put).finally(() => (isAnswered = true))
  await gate.reached
  // It is durable by then, and others can pull it.
  expect((await rig.ask(`${APP}/manifests/1`)).status).toBe(200)
  expect(isAnswered).toBe(false)
  gate.open()
  expect((await pushing).status).toBe(201)
})

test('a pull is a manifest that was sent, and nobody waits for it', async () => {
  await using rig = await startHosted()
  rig.hub.add(parseRepository('library/demo')!, '1', image)
  const recorder = new FeedRecorder()
  recorder.settle = () => new Promise(() => {})
  using _listening = rig.feed.listen(recorder)
  const path = '/v2/library/demo/manifests'
  await rig.ask(`${path}/1`, { method: 'HEAD' })
  await rig.ask(`${path}/unknown`)
  await rig.ask(`${path}/1`, { headers: { 'If-None-Match': `"${digest}"` } })
  for (const blob of image.blobs.keys()) await rig.ask(`/v2/library/demo/blobs/${blob}`)
  await rig.ask(`${path}/1?ns=docker.io`)
  await rig.ask(`${path}/${digest}`)
  await eventually('both pulls', () => recorder.events.length === 2)
  expect(recorder.told).toEqual([
    `pull docker.io/library/demo 1 ${digest}`,
    `pull docker.io/library/demo - ${digest}`,
  ])
  expect(recorder.events[0]?.target.url).toBe(
    `http://127.0.0.1:${rig.port}${path}/${digest}?ns=docker.io`,
  )
})

test('what is refused is not told', async () => {
  await using rig = await startHosted()
  const recorder = new FeedRecorder()
  using _listening = rig.feed.listen(recorder)
  await rig.ask(`${APP}/manifests/1`, put)
  await rig.ask(`${APP}/manifests/1`, { method: 'DELETE' })
  await rig.ask('/v2/library/demo/blobs/uploads/', { method: 'POST' })
  expect(recorder.told).toEqual([])
})

test('a rollback is told as a push of the tag, and what gc takes as deleted', async () => {
  await using rig = await startHosted()
  const other = await buildImage({ seed: 'announced later' })
  await pushImage(rig, image, 'latest')
  rig.clock.advance(HOUR_MS)
  await pushImage(rig, other, 'latest')
  const recorder = new FeedRecorder()
  using _listening = rig.feed.listen(recorder)
  const repository = { registry: 'private', name: parseRepository('team/app')! }
  const { signal } = new AbortController()
  await rig.rollback.run({ repository, tag: parseTag('latest')!, to: undefined }, signal)
  expect(recorder.told).toEqual([`push private/team/app latest ${digest}`])
  await rig.ask(`/v2/private/team/app/manifests/${digest}`, { method: 'DELETE' })
  recorder.events.length = 0
  rig.clock.advance(2 * HOUR_MS)
  await rig.garbage.run(signal, () => {})
  expect(recorder.told.toSorted()).toEqual(
    [...image.blobs.keys()].map((blob) => `delete private/team/app - ${blob}`).toSorted(),
  )
  expect(recorder.events[0]).toMatchObject({ request: { id: '' }, actor: { name: undefined } })
})
