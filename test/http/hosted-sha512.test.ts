import { expect, test } from 'vitest'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import { bytesOf } from '../support/images.ts'
import { APP, remove } from './hosted-push.ts'
import { HOUR_MS, startHosted, type HostedRig } from './hosted-rig.ts'
import { errorOf } from './mirror.ts'

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
const config = Buffer.from('{}')
const layer = bytesOf('layer', 100_000)

const sha512 = (bytes: Uint8Array) => digestOf(bytes, 'sha512')

const named = (mediaType: string, bytes: Buffer) => ({
  mediaType,
  digest: sha512(bytes),
  size: bytes.length,
})

function manifestOf(subject?: Buffer): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      artifactType: 'a/b',
      config: named('application/vnd.oci.empty.v1+json', config),
      layers: [named('application/vnd.oci.image.layer.v1.tar', layer)],
      ...(subject && { subject: named(MANIFEST_TYPE, subject) }),
    }),
  )
}

async function put(rig: HostedRig, bytes: Buffer, query = '', digest: Digest = sha512(bytes)) {
  const headers = { 'Content-Type': MANIFEST_TYPE }
  const path = `${APP}/manifests/${digest}${query}`
  return rig.ask(path, { method: 'PUT', headers, body: bytes })
}

test('an image by sha512 is pushed in chunks, pulled, referred to, and freed', async () => {
  await using rig = await startHosted()
  for (const blob of [config, layer]) {
    const { headers } = await rig.ask(`${APP}/blobs/uploads/`, { method: 'POST' })
    const location = headers.location!
    await rig.ask(location, { method: 'PATCH', body: blob.subarray(0, 1) })
    const path = `${location}?digest=${sha512(blob)}`
    expect((await rig.ask(path, { method: 'PUT', body: blob.subarray(1) })).status).toBe(201)
  }
  const image = manifestOf()
  const signature = manifestOf(image)
  const pushed = await put(rig, image, '?tag=1')
  expect([pushed.status, pushed.headers['docker-content-digest']]).toEqual([201, sha512(image)])
  expect((await put(rig, signature)).headers['oci-subject']).toBe(sha512(image))
  const pulled = await rig.ask(`${APP}/manifests/1`)
  expect([pulled.headers['docker-content-digest'], pulled.body]).toEqual([sha512(image), image])
  expect((await rig.ask(`${APP}/blobs/${sha512(layer)}`)).body).toEqual(layer)
  const referrers = await rig.ask(`${APP}/referrers/${sha512(image)}`)
  expect(JSON.parse(referrers.body.toString())).toMatchObject({
    manifests: [{ digest: sha512(signature), artifactType: 'a/b' }],
  })

  for (const manifest of [signature, image]) await remove(rig, sha512(manifest))
  rig.clock.advance(HOUR_MS + 1)
  const summary = await rig.garbage.run(AbortSignal.timeout(10_000), () => undefined)
  expect(summary).toMatchObject({ blobs: 2, freedContents: 4 })
  expect(await Array.fromAsync(rig.store.list())).toEqual([])
})

test('what does not hash to its sha512 is refused', async () => {
  await using rig = await startHosted()
  const path = `${APP}/blobs/uploads/?digest=${sha512(config)}`
  const blob = await rig.ask(path, { method: 'POST', body: layer })
  const manifest = await put(rig, manifestOf(), '', sha512(config))
  for (const answer of [blob, manifest]) {
    expect([answer.status, errorOf(answer).code]).toEqual([400, 'DIGEST_INVALID'])
  }
})
