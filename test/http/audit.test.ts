import { expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { buildImage, bytesOf } from '../support/images.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import type { ContentEvent } from '../../src/telemetry/content-event.ts'
import { startHosted, type HostedRig } from './hosted-rig.ts'

const APP = '/v2/private/app'
const layer = bytesOf('layer', 1000)
const digest = digestOf(layer)
const image = await buildImage({ seed: 'audit' })
const root = image.manifests.get(image.root.digest)!
const agent = { 'User-Agent': 'test/1' }

async function push(rig: HostedRig): Promise<void> {
  for (const [blobDigest, body] of image.blobs) {
    const path = `${APP}/blobs/uploads/?digest=${blobDigest}`
    expect((await rig.ask(path, { method: 'POST', body: Buffer.from(body) })).status).toBe(201)
  }
  const put = { method: 'PUT', headers: { 'Content-Type': root.mediaType }, body: root.bytes }
  expect((await rig.ask(`${APP}/manifests/1`, put)).status).toBe(201)
}

test('a pull is one line: that of its manifest', async () => {
  await using rig = await startHosted()
  rig.hub.add(parseRepository('library/demo')!, '1', image)
  await rig.ask('/v2/')
  await rig.ask('/v2/library/demo/manifests/1', { method: 'HEAD' })
  const pulled = await rig.ask('/v2/library/demo/manifests/1', { headers: agent })
  for (const blob of image.blobs.keys()) await rig.ask(`/v2/library/demo/blobs/${blob}`)
  await rig.ask('/v2/library/demo/tags/list')
  await rig.ask('/v2/library/demo/manifests/2')
  const lines = await rig.audited(2)
  expect(lines).toEqual([
    {
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      action: 'pull',
      principal: null,
      remote: '127.0.0.1',
      userAgent: 'test/1',
      kind: 'manifest',
      registry: 'docker.io',
      repository: 'library/demo',
      reference: '1',
      digest: image.root.digest,
      bytes: pulled.body.length,
      status: 200,
      outcome: 'done',
    },
    expect.objectContaining({ reference: '2', digest: null, status: 404, outcome: 'refused' }),
  ])
})

test('blobs that are pulled have lines too where that is wanted', async () => {
  await using rig = await startHosted({ withPulledBlobs: true })
  rig.hub.add(parseRepository('library/demo')!, '1', image)
  const [blob, bytes] = [...image.blobs][0]!
  await rig.ask(`/v2/library/demo/blobs/${blob}`, { method: 'HEAD' })
  await rig.ask(`/v2/library/demo/blobs/${blob}`)
  expect(await rig.audited(1)).toEqual([
    expect.objectContaining({ action: 'pull', kind: 'blob', digest: blob, bytes: bytes.length }),
  ])
})

test('a push is a line for each blob and manifest, with its size', async () => {
  await using rig = await startHosted()
  await push(rig)
  const lines = await rig.audited(image.blobs.size + 1)
  expect(
    lines.map(({ action, kind, digest: pushed, bytes }) => [action, kind, pushed, bytes]),
  ).toEqual([
    ...[...image.blobs].map(([blob, { length }]) => ['push', 'blob', blob, length]),
    ['push', 'manifest', image.root.digest, root.bytes.length],
  ])
  expect(lines.at(-1)).toMatchObject({ registry: 'private', repository: 'app', reference: '1' })
})

test('a blob in chunks is one line, at its end', async () => {
  await using rig = await startHosted()
  const begun = await rig.ask(`${APP}/blobs/uploads/`, { method: 'POST' })
  const first = { method: 'PATCH', body: layer.subarray(0, 400) }
  const next = await rig.ask(begun.headers.location!, first)
  await rig.ask(next.headers.location!)
  const last = { method: 'PUT', body: layer.subarray(400) }
  expect((await rig.ask(`${next.headers.location}?digest=${digest}`, last)).status).toBe(201)
  await rig.ask(`${APP}/blobs/${digest}`, { method: 'DELETE' })
  expect(await rig.audited(2)).toEqual([
    expect.objectContaining({ action: 'push', digest, bytes: 1000, status: 201 }),
    expect.objectContaining({ action: 'delete', kind: 'blob', digest, status: 202 }),
  ])
})

test('what is mounted and deleted is there, and what was refused', async () => {
  await using rig = await startHosted()
  await push(rig)
  const [blob] = image.blobs.keys()
  const query = `mount=${blob}&from=private/app`
  await rig.ask(`/v2/private/other/blobs/uploads/?${query}`, { method: 'POST' })
  await rig.ask(`${APP}/manifests/1`, { method: 'DELETE' })
  await rig.ask(`${APP}/manifests/1`, { method: 'DELETE' })
  await rig.ask('/v2/library/demo/blobs/uploads/', { method: 'POST' })
  const lines = (await rig.audited(image.blobs.size + 5)).slice(image.blobs.size + 1)
  expect(lines).toEqual([
    expect.objectContaining({
      action: 'mount',
      repository: 'other',
      digest: blob,
      outcome: 'done',
    }),
    expect.objectContaining({ action: 'delete', reference: '1', status: 202, outcome: 'done' }),
    expect.objectContaining({ action: 'delete', reference: '1', status: 404, outcome: 'refused' }),
    expect.objectContaining({
      action: 'push',
      registry: 'docker.io',
      status: 405,
      outcome: 'refused',
    }),
  ])
})

test('what a client calls itself steers no terminal', async () => {
  await using rig = await startHosted()
  const told: string[] = []
  const listener = {
    wants: () => true,
    tell: ({ request }: ContentEvent) => void told.push(request.useragent, request.host ?? ''),
    settle: () => Promise.resolve(),
  }
  using _listening = rig.feed.listen(listener)
  const headers = { 'User-Agent': 'a\u009b31mb', Host: 'c\u009b31md' }
  const path = `${APP}/blobs/uploads/?digest=${digest}`
  await rig.ask(path, { method: 'POST', headers, body: layer })
  expect(await rig.audited(1)).toEqual([expect.objectContaining({ userAgent: 'a\ufffd31mb' })])
  expect(told).toEqual(['a\ufffd31mb', 'c\ufffd31md'])
  expect(rig.logLines.join('')).not.toContain('\u009b')
})
