import { connect } from 'node:net'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { eventually } from '../support/eventually.ts'
import { bytesOf, buildImage, buildIndex } from '../support/images.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { APP, pushBlob, pushBlobs, pushImage, pushManifest, remove } from './hosted-push.ts'
import { startHosted, type HostedRig } from './hosted-rig.ts'
import { errorOf } from './mirror.ts'

const UPLOADS = `${APP}/blobs/uploads/`
const bytes = bytesOf('layer', 100_000)
const digest = digestOf(bytes)

async function startUpload(rig: HostedRig): Promise<string> {
  const answer = await rig.ask(UPLOADS, { method: 'POST' })
  expect(answer.status).toBe(202)
  return answer.headers.location!
}

describe('a blob', () => {
  test('is pushed in one request, and pulled back whole and in part', async () => {
    await using rig = await startHosted()
    const pushed = await pushBlob(rig, bytes)
    expect(pushed.status).toBe(201)
    expect(pushed.headers).toMatchObject({
      location: `${APP}/blobs/${digest}`,
      'docker-content-digest': digest,
    })
    expect((await rig.ask(pushed.headers.location!)).body).toEqual(bytes)
    const headers = { Range: 'bytes=10-19' }
    const part = await rig.ask(`${APP}/blobs/${digest}`, { headers })
    expect([part.status, part.body]).toEqual([206, bytes.subarray(10, 20)])
  })

  test('is pushed in chunks, each told where the next begins', async () => {
    await using rig = await startHosted()
    const location = await startUpload(rig)
    const first = await rig.ask(location, {
      method: 'PATCH',
      headers: { 'Content-Range': '0-39999' },
      body: bytes.subarray(0, 40_000),
    })
    expect([first.status, first.headers.range]).toEqual([202, '0-39999'])
    expect((await rig.ask(location)).headers.range).toBe('0-39999')
    const second = await rig.ask(first.headers.location!, {
      method: 'PATCH',
      body: bytes.subarray(40_000, 90_000),
    })
    const last = await rig.ask(`${second.headers.location}?digest=${digest}`, {
      method: 'PUT',
      body: bytes.subarray(90_000),
    })
    expect(last.status).toBe(201)
    expect((await rig.ask(`${APP}/blobs/${digest}`)).body).toEqual(bytes)
    expect((await rig.ask(location)).status).toBe(404)
  })

  test('is pushed to where each Location leads, for who names the registry in `ns`', async () => {
    await using rig = await startHosted()
    const { headers } = await rig.ask('/v2/app/blobs/uploads/?ns=private', { method: 'POST' })
    const chunk = await rig.ask(headers.location!, { method: 'PATCH', body: bytes })
    expect(chunk.status).toBe(202)
    const pushed = await rig.ask(`${chunk.headers.location}&digest=${digest}`, { method: 'PUT' })
    expect(pushed.status).toBe(201)
    expect((await rig.ask(pushed.headers.location!)).body).toEqual(bytes)
    expect((await rig.ask(`/v2/private/app/blobs/${digest}`)).status).toBe(200)
  })

  test('with a sha512 digest is hashed so', async () => {
    await using rig = await startHosted()
    const long = digestOf(bytes, 'sha512')
    const location = await startUpload(rig)
    const pushed = await rig.ask(`${location}?digest=${long}`, { method: 'PUT', body: bytes })
    expect(pushed.status).toBe(201)
    expect((await rig.ask(`${APP}/blobs/${long}`)).body).toEqual(bytes)
  })

  test.each([
    ['behind the end', '50-59'],
    ['before it', '0-9'],
  ])('takes no chunk %s, and says where it goes on', async (_, range) => {
    await using rig = await startHosted()
    const location = await startUpload(rig)
    await rig.ask(location, { method: 'PATCH', body: bytes.subarray(0, 40) })
    const headers = { 'Content-Range': range }
    const wrong = await rig.ask(location, { method: 'PATCH', headers, body: bytes.subarray(0, 10) })
    expect([wrong.status, wrong.headers.range]).toEqual([416, '0-39'])
    const put = `${location}?digest=${digest}`
    const last = await rig.ask(put, { method: 'PUT', headers, body: bytes.subarray(0, 10) })
    expect([last.status, last.headers.range]).toEqual([416, '0-39'])
    const { status, headers: so } = await rig.ask(location)
    expect([status, so.range, so.location]).toEqual([204, '0-39', location])
  })

  test('with another digest is refused, and its upload is gone', async () => {
    await using rig = await startHosted()
    const location = await startUpload(rig)
    const other = digestOf(Buffer.from('other'))
    const wrong = await rig.ask(`${location}?digest=${other}`, { method: 'PUT', body: bytes })
    expect([wrong.status, errorOf(wrong).code]).toEqual([400, 'DIGEST_INVALID'])
    expect((await rig.ask(location)).status).toBe(404)
    expect((await rig.ask(`${APP}/blobs/${other}`)).status).toBe(404)
  })

  test('that is too large is refused', async () => {
    await using rig = await startHosted({ maxBlobBytes: 99_999 })
    expect((await pushBlob(rig, bytes)).status).toBe(413)
    expect((await rig.ask(`${APP}/blobs/${digest}`)).status).toBe(404)
  })

  test('that was given up is gone', async () => {
    await using rig = await startHosted()
    const location = await startUpload(rig)
    expect((await rig.ask(location, { method: 'DELETE' })).status).toBe(204)
    expect((await rig.ask(location)).status).toBe(404)
  })

  test('goes on where a cut request has left it', async () => {
    await using rig = await startHosted()
    const location = await startUpload(rig)
    const blob = bytesOf('large', 800_000)
    const socket = connect(rig.port, '127.0.0.1')
    const head = `PATCH ${location} HTTP/1.1\r\nHost: a\r\nContent-Length: ${blob.length}\r\n\r\n`
    socket.write(Buffer.concat([Buffer.from(head), blob.subarray(0, 600_000)]))
    const keptBytes = async () => Number((await rig.ask(location)).headers.range?.slice(2)) + 1
    await eventually('some of what was sent', async () => (await keptBytes()) > 500_000)
    socket.destroy()
    await once(socket, 'close')
    const put = async () => {
      const kept = await keptBytes()
      const headers = { 'Content-Range': `${kept}-${blob.length - 1}` }
      const path = `${location}?digest=${digestOf(blob)}`
      return rig.ask(path, { method: 'PUT', headers, body: blob.subarray(kept) })
    }
    // What is still being written makes it longer once more.
    expect(await eventually('an end', async () => (await put()).status === 201)).toBe(true)
  })

  test('goes on after a restart', async () => {
    await using folder = await temporaryFolder()
    let location: string
    {
      await using rig = await startHosted({ folder: folder.path })
      location = await startUpload(rig)
      await rig.ask(location, { method: 'PATCH', body: bytes.subarray(0, 50_000) })
    }
    await using rig = await startHosted({ folder: folder.path })
    const rest = { method: 'PUT', body: bytes.subarray(50_000) }
    expect((await rig.ask(`${location}?digest=${digest}`, rest)).status).toBe(201)
    expect((await rig.ask(`${APP}/blobs/${digest}`)).body).toEqual(bytes)
  })

  test('is not to be had through another repository, nor its upload', async () => {
    await using rig = await startHosted()
    await pushBlob(rig, bytes)
    expect((await rig.ask(`/v2/private/other/blobs/${digest}`)).status).toBe(404)
    const location = await startUpload(rig)
    const elsewhere = location.replace('team/app', 'other')
    expect((await rig.ask(elsewhere)).status).toBe(404)
  })

  test.each(['..', '%2e%2e%2f%2e%2e%2finventory.db', 'a'.repeat(49)])(
    'has no upload called %s',
    async (id) => {
      await using rig = await startHosted()
      const answer = await rig.ask(`${UPLOADS}${id}`, { method: 'PATCH', body: 'x' })
      expect([answer.status, errorOf(answer).code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN'])
    },
  )
})

describe('an image', () => {
  test('is pushed and pulled back byte for byte', async () => {
    await using rig = await startHosted()
    const image = await buildImage({ seed: 'hosted' })
    await pushImage(rig, image, '1')
    const { mediaType, bytes: manifest } = image.manifests.get(image.root.digest)!
    for (const reference of ['1', image.root.digest]) {
      const pulled = await rig.ask(`${APP}/manifests/${reference}`)
      expect(pulled.headers['content-type']).toBe(mediaType)
      expect(pulled.headers['docker-content-digest']).toBe(image.root.digest)
      expect(pulled.body).toEqual(manifest)
    }
    const listed = await rig.ask(`${APP}/tags/list`)
    expect(JSON.parse(listed.body.toString())).toEqual({ name: 'private/team/app', tags: ['1'] })
    const catalog = await rig.ask('/v2/_catalog')
    expect(JSON.parse(catalog.body.toString())).toEqual({ repositories: ['private/team/app'] })
    expect(rig.hub.asked).toEqual([])
  })

  test('is refused without what it names, which is told', async () => {
    await using rig = await startHosted()
    const image = await buildImage({ seed: 'hosted' })
    const answer = await pushManifest(rig, image, image.root.digest, '1')
    expect(answer.status).toBe(404)
    const { code, detail } = errorOf(answer)
    expect(code).toBe('MANIFEST_BLOB_UNKNOWN')
    expect(detail).toHaveLength(image.blobs.size)
    expect((await rig.ask(`${APP}/manifests/1`)).status).toBe(404)
  })

  test.each([
    ['no JSON', 'application/vnd.oci.image.manifest.v1+json', '{', 'MANIFEST_INVALID'],
    ['another type', 'text/plain', '{}', 'MANIFEST_INVALID'],
    ['another digest', undefined, undefined, 'DIGEST_INVALID'],
  ])('is refused with %s', async (_, type, body, code) => {
    await using rig = await startHosted()
    const image = await buildImage({ seed: 'hosted' })
    await pushBlobs(rig, image)
    const { mediaType, bytes: manifest } = image.manifests.get(image.root.digest)!
    const answer = await rig.ask(`${APP}/manifests/${digest}`, {
      method: 'PUT',
      headers: { 'Content-Type': type ?? mediaType },
      body: body ?? manifest,
    })
    expect([answer.status, errorOf(answer).code]).toEqual([400, code])
  })

  test.each([
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.docker.distribution.manifest.v2+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
  ])('is refused as another type than its bytes say: %s', async (type) => {
    await using rig = await startHosted()
    const descriptor = { mediaType: 'a/b', digest, size: bytes.length }
    const manifest = { schemaVersion: 2, config: descriptor, layers: [descriptor] }
    await pushBlob(rig, bytes)
    const answerTo = async (contentType: string) =>
      rig.ask(`${APP}/manifests/1`, {
        method: 'PUT',
        headers: { 'Content-Type': contentType },
        body: JSON.stringify(manifest),
      })
    const refused = await answerTo(type)
    expect([refused.status, errorOf(refused).code]).toEqual([400, 'MANIFEST_INVALID'])
    expect((await answerTo('application/vnd.oci.image.manifest.v1+json')).status).toBe(201)
  })

  test('with more than 4 MiB of manifest is refused', async () => {
    await using rig = await startHosted()
    const body = Buffer.alloc(4 * 1024 * 1024 + 1, ' ')
    const answer = await rig.ask(`${APP}/manifests/1`, { method: 'PUT', body })
    expect(answer.status).toBe(413)
  })

  test('of several platforms is refused while one is missing, unless indexes may be sparse', async () => {
    const one = await buildImage({ seed: 'one' })
    const two = await buildImage({ seed: 'two' })
    const index = buildIndex({ amd64: one, arm64: two })
    for (const allowSparse of [false, true]) {
      await using rig = await startHosted({ allowSparse })
      await pushBlobs(rig, one)
      await pushManifest(rig, one, one.root.digest, one.root.digest)
      const answer = await pushManifest(rig, index, index.root.digest, '1')
      expect(answer.status).toBe(allowSparse ? 201 : 404)
    }
  })

  test('gets further tags with its digest', async () => {
    await using rig = await startHosted()
    const image = await buildImage({ seed: 'hosted' })
    await pushBlobs(rig, image)
    const { root } = image
    const pushed = await pushManifest(rig, image, root.digest, `${root.digest}?tag=1&tag=1.2`)
    expect([pushed.status, pushed.headers['oci-tag']]).toEqual([201, '1, 1.2'])
    const pulled = await rig.ask(`${APP}/manifests/1.2`)
    expect(pulled.headers['docker-content-digest']).toBe(root.digest)
  })

  test('goes with its tags, and a tag alone', async () => {
    await using rig = await startHosted()
    const image = await buildImage({ seed: 'hosted' })
    await pushImage(rig, image, '1')
    await pushImage(rig, image, '2')
    await remove(rig, '1')
    expect((await rig.ask(`${APP}/manifests/1`, { method: 'DELETE' })).status).toBe(404)
    expect((await rig.ask(`${APP}/manifests/2`)).status).toBe(200)
    await remove(rig, image.root.digest)
    expect((await rig.ask(`${APP}/manifests/2`)).status).toBe(404)
    expect((await rig.ask(`${APP}/manifests/${image.root.digest}`)).status).toBe(404)
  })

  test('is deleted also where an index names it, which can then not be pushed again', async () => {
    await using rig = await startHosted()
    const image = await buildImage({ seed: 'one' })
    const index = buildIndex({ amd64: image })
    await pushImage(rig, index, '1')
    await remove(rig, image.root.digest)
    expect((await rig.ask(`${APP}/manifests/1`)).status).toBe(200)
    expect((await rig.ask(`${APP}/manifests/${image.root.digest}`)).status).toBe(404)
    const again = await pushManifest(rig, index, index.root.digest, '2')
    expect(errorOf(again).code).toBe('MANIFEST_BLOB_UNKNOWN')
  })

  test('keeps its blobs from being deleted, while it is there', async () => {
    await using rig = await startHosted()
    const image = await buildImage({ seed: 'hosted' })
    await pushImage(rig, image, '1')
    const [blob] = image.blobs.keys()
    const removeBlob = () => rig.ask(`${APP}/blobs/${blob}`, { method: 'DELETE' })
    expect(errorOf(await removeBlob()).code).toBe('DENIED')
    await remove(rig, image.root.digest)
    expect((await removeBlob()).status).toBe(202)
    expect((await rig.ask(`${APP}/blobs/${blob}`)).status).toBe(404)
    expect((await removeBlob()).status).toBe(404)
  })
})

test.each([
  ['POST', `${APP}/manifests/1`, 'GET, HEAD, PUT, DELETE'],
  ['PATCH', `${APP}/blobs/${digestOf(bytesOf('any', 1))}`, 'GET, HEAD, DELETE'],
  ['PUT', `${APP}/blobs/uploads/`, 'POST'],
  ['POST', `${APP}/blobs/uploads/5f0c`, 'GET, HEAD, PATCH, PUT, DELETE'],
  ['PUT', `${APP}/tags/list`, 'GET, HEAD'],
  ['POST', '/v2/library/demo/manifests/1', 'GET, HEAD'],
])('%s %s: the answer names what is taken there', async (method, path, allowed) => {
  await using rig = await startHosted()
  const answer = await rig.ask(path, { method })
  expect([answer.status, errorOf(answer).code]).toEqual([405, 'UNSUPPORTED'])
  expect(answer.headers['allow']).toBe(allowed)
})

test('a manifest is pulled from its Location, for who names the registry in `ns`', async () => {
  await using rig = await startHosted()
  const image = await buildImage({ seed: 'hosted' })
  await pushBlobs(rig, image, '/v2/private/app')
  const pushed = await pushManifest(rig, image, image.root.digest, '1?ns=private', '/v2/app')
  expect(pushed.status).toBe(201)
  expect((await rig.ask(pushed.headers.location!)).status).toBe(200)
})

describe('what is not hosted', () => {
  test.each([
    ['PUT', '/v2/library/demo/manifests/1'],
    ['DELETE', '/v2/library/demo/manifests/1'],
    ['POST', '/v2/docker.io/library/demo/blobs/uploads/'],
    ['POST', '/v2/library/demo/blobs/uploads/?ns=docker.io'],
  ])('is not pushed to: %s %s', async (method, path) => {
    await using rig = await startHosted()
    const answer = await rig.ask(path, { method })
    expect([answer.status, errorOf(answer).code]).toEqual([405, 'UNSUPPORTED'])
    expect(rig.hub.asked).toEqual([])
  })

  test('has no uploads', async () => {
    await using rig = await startHosted()
    const answer = await rig.ask('/v2/library/demo/blobs/uploads/5f0c')
    expect([answer.status, errorOf(answer).code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN'])
  })

  test('is what is asked for with another registry in `ns`', async () => {
    await using rig = await startHosted()
    await pushImage(rig, await buildImage({ seed: 'hosted' }), '1')
    expect((await rig.ask(`${APP}/manifests/1?ns=docker.io`)).status).toBe(404)
  })
})
