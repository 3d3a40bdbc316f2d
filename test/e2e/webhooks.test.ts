import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { startSkopeo } from '../support/clients/skopeo.ts'
import { eventually } from '../support/eventually.ts'
import { startFakeHub } from '../support/fake-hub/fake-hub.ts'
import { buildImage } from '../support/images.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { startOutside } from '../support/outside.ts'
import { haveTools } from '../support/tools.ts'
import { PUSHED_BY_ALL } from './hosted-stage.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'

const SECRET = 'a secret of both'

function startMirror(
  upstreamUrl: string,
  receiver: WebhookReceiver,
  webhook: object = {},
): Promise<MirrorProcess> {
  const ci = { name: 'ci', url: receiver.url.href, secret: SECRET, backoff: '100ms', ...webhook }
  const config = {
    ...PUSHED_BY_ALL,
    webhooks: [{ ...ci, repositories: ['private/**'] }],
  }
  return MirrorProcess.start({ upstreamUrl, config })
}

/** Action, what of the repository, and by which tag, of all that it has taken. */
function told({ envelopes }: WebhookReceiver): string[] {
  const taken = envelopes.filter(({ reaction }) => reaction === 200)
  return taken.flatMap(({ events }) =>
    events.map(({ action, target }) => `${action} ${target.digest} ${target.tag ?? '-'}`),
  )
}

describe.runIf(haveTools('skopeo'))('a webhook', () => {
  it('is told of what skopeo pushes, pulls and deletes, signed and in order', async () => {
    await using hub = await startFakeHub()
    await using receiver = await startWebhookReceiver()
    const actions = ['push', 'mount', 'pull', 'delete']
    await using mirror = await startMirror(hub.url, receiver, { actions })
    await using outside = await startOutside()
    await using client = await startSkopeo({ mirror, outside })
    const image = await buildImage({ seed: 'webhook' })
    const { digest, mediaType, sizeBytes } = image.root
    hub.add('library/app', '1', image)
    await client.pull('library/app:1')
    const name = `${mirror.host}/private/app:1`
    await client.push('library/app:1', name)
    await client.empty()
    await client.pull(name)
    await fetch(`${mirror.url}/v2/private/app/manifests/${digest}`, { method: 'DELETE' })
    await eventually('the deletion', () => told(receiver).at(-1)?.startsWith('delete'))

    const all = told(receiver)
    const blobs = all.slice(0, image.blobs.size)
    // skopeo pushes layers side by side, and mounts what it knows from where it has copied.
    expect(blobs.map((line) => line.replace(/^mount/, 'push')).toSorted()).toEqual(
      [...image.blobs.keys()].map((blob) => `push ${blob} -`).toSorted(),
    )
    expect(all.slice(image.blobs.size)).toEqual([
      `push ${digest} 1`,
      expect.stringMatching(new RegExp(`^pull ${digest} `)),
      `delete ${digest} -`,
    ])
    for (const { body, headers } of receiver.envelopes) {
      const signature = createHmac('sha256', SECRET).update(body).digest('hex')
      expect(headers['x-entrepot-signature-256']).toBe(`sha256=${signature}`)
    }
    const events = receiver.envelopes.flatMap((envelope) => envelope.events)
    const pushed = events.find(({ target }) => target.tag === '1')
    expect(pushed).toMatchObject({
      target: { repository: 'private/app', mediaType, size: sizeBytes, length: sizeBytes },
      request: { method: 'PUT', host: mirror.host, useragent: expect.stringContaining('skopeo') },
    })
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length)
    // An event leaves the queue, and is counted, a moment after it was taken.
    const { webhooks } = await eventually('all is counted', async () => {
      const stats = await mirror.stats()
      return stats.webhooks[0]?.delivered === events.length ? stats : undefined
    })
    expect(webhooks).toMatchObject([{ name: 'ci', queued: 0 }])
  })
})

it('a webhook gets every push that was acknowledged before the mirror was killed', async () => {
  await using receiver = await startWebhookReceiver()
  receiver.reaction = 503
  await using mirror = await startMirror('http://127.0.0.1:1', receiver)
  const image = await buildImage({ seed: 'killed' })
  for (const [digest, bytes] of image.blobs) {
    const url = `${mirror.url}/v2/private/app/blobs/uploads/?digest=${digest}`
    const body = new Uint8Array(bytes)
    expect((await fetch(url, { method: 'POST', body })).status).toBe(201)
  }
  const { digest, mediaType } = image.root
  const body = new Uint8Array(image.manifests.get(digest)!.bytes)
  const headers = { 'Content-Type': mediaType }
  for (const tag of ['1', '2', '3']) {
    const url = `${mirror.url}/v2/private/app/manifests/${tag}`
    expect((await fetch(url, { method: 'PUT', headers, body })).status).toBe(201)
  }
  await mirror.crash()
  receiver.reaction = 200
  await mirror.restart()
  const pushed = [...image.blobs.keys()].map((blob) => `push ${blob} -`)
  const expected = [...pushed, ...['1', '2', '3'].map((tag) => `push ${digest} ${tag}`)]
  await eventually('all events', () => told(receiver).length === expected.length)
  expect(told(receiver)).toEqual(expected)
})
