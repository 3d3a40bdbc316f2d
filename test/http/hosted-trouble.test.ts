import { once } from 'node:events'
import { readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { InventoryError } from '../../src/inventory/inventory-error.ts'
import type { Inventory } from '../../src/inventory/inventory.ts'
import type { BlobStore } from '../../src/store/blob-store.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { eventually } from '../support/eventually.ts'
import { Gate } from '../support/gate.ts'
import { buildImage, bytesOf } from '../support/images.ts'
import { smallDisk } from '../support/small-disk.ts'
import type { Steps } from '../support/stepped.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { APP, pushBlob, pushImage, pushManifest } from './hosted-push.ts'
import { startHosted, type HostedRig } from './hosted-rig.ts'
import { errorOf } from './mirror.ts'

const UPLOADS = `${APP}/blobs/uploads/`
const MIB = 1024 * 1024
const bytes = bytesOf('layer', 100_000)
const digest = digestOf(bytes)

async function startUpload(rig: HostedRig): Promise<string> {
  return (await rig.ask(UPLOADS, { method: 'POST' })).headers.location!
}

const keptBytes = async (rig: HostedRig, location: string) =>
  Number((await rig.ask(location)).headers.range?.slice(2)) + 1

/** Sends the head of a request that says it has so many bytes, and the first of them. */
function sendPart(rig: HostedRig, line: string, length: number, part: Uint8Array): Socket {
  const socket = connect(rig.port, '127.0.0.1')
  const head = `${line} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`
  socket.write(Buffer.concat([Buffer.from(head), part]))
  return socket
}

describe('a finish', () => {
  test('whose answer was lost is asked for again', async () => {
    await using rig = await startHosted()
    const location = await startUpload(rig)
    const finish = () => rig.ask(`${location}?digest=${digest}`, { method: 'PUT', body: bytes })
    expect((await finish()).status).toBe(201)
    const again = await finish()
    expect([again.status, again.headers['docker-content-digest']]).toEqual([201, digest])
    // Of what the repository does not have there is nothing to say.
    const other = digestOf(bytesOf('other', 10))
    const unknown = await rig.ask(`${location}?digest=${other}`, { method: 'PUT' })
    expect([unknown.status, errorOf(unknown).code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN'])
  })

  test('that fails once its bytes are in the store is asked for again, from the start', async () => {
    let failures = 1
    await using rig = await startHosted({
      steps: {
        sync: (run) => (failures-- > 0 ? Promise.reject(new Error('disk failure')) : run()),
      },
    })
    const location = await startUpload(rig)
    const finish = () => rig.ask(`${location}?digest=${digest}`, { method: 'PUT', body: bytes })
    expect((await finish()).status).toBe(500)
    expect((await finish()).status).toBe(201)
    expect((await rig.ask(`${APP}/blobs/${digest}`)).body).toEqual(bytes)
  })

  test('goes to one of two who ask at once, and both are told', async () => {
    await using rig = await startHosted()
    const location = await startUpload(rig)
    await rig.ask(location, { method: 'PATCH', body: bytes })
    const finish = () => rig.ask(`${location}?digest=${digest}`, { method: 'PUT' })
    const answers = await Promise.all([finish(), finish()])
    expect(answers.map(({ status }) => status)).toEqual([201, 201])
    expect((await rig.ask(`${APP}/blobs/${digest}`)).body).toEqual(bytes)
  })

  test('whose client leaves before the blob is kept leaves the upload as it is', async () => {
    const gate = new Gate()
    await using rig = await startHosted({
      steps: {
        record: async (run) => {
          await gate.pass()
          return run()
        },
      },
    })
    // The same blob is being kept, for which all others wait.
    const first = pushBlob(rig, bytes)
    await gate.reached
    const location = await startUpload(rig)
    await rig.ask(location, { method: 'PATCH', body: bytes })
    const socket = sendPart(rig, `PUT ${location}?digest=${digest}`, 0, Buffer.alloc(0))
    await eventually('a lock', () => rig.uploads.open(location.split('/').at(-1)!))
    socket.destroy()
    await eventually('its end', () => rig.logLines.some((line) => line.includes('"PUT"')))
    expect(await keptBytes(rig, location)).toBe(bytes.length)
    const again = rig.ask(`${location}?digest=${digest}`, { method: 'PUT' })
    gate.open()
    expect((await first).status).toBe(201)
    expect((await again).status).toBe(201)
  })

  test('of nothing makes the empty blob', async () => {
    await using rig = await startHosted()
    const empty = digestOf(Buffer.alloc(0))
    const location = await startUpload(rig)
    expect((await rig.ask(location, { method: 'HEAD' })).headers.range).toBe('0-0')
    expect((await rig.ask(`${location}?digest=${empty}`, { method: 'PUT' })).status).toBe(201)
    const pulled = await rig.ask(`${APP}/blobs/${empty}`)
    expect([pulled.status, pulled.body.length]).toEqual([200, 0])
  })
})

describe('a chunk', () => {
  test('that does not fit on the disk is refused, and the upload goes on when there is space', async (context) => {
    await using disk = await smallDisk(context, { sizeBytes: 8 * MIB })
    await using rig = await startHosted({ folder: disk.path, maxBlobBytes: 8 * MIB })
    const filler = join(disk.path, 'filler')
    await writeFile(filler, Buffer.alloc(4 * MIB))
    const blob = bytesOf('large', 5 * MIB)
    const location = await startUpload(rig)
    const refused = await rig.ask(location, { method: 'PATCH', body: blob })
    expect([refused.status, errorOf(refused).code]).toEqual([503, 'UNAVAILABLE'])
    const kept = await keptBytes(rig, location)
    expect(kept).toBeGreaterThan(0)
    await rm(filler)
    const headers = { 'Content-Range': `${kept}-${blob.length - 1}` }
    const path = `${location}?digest=${digestOf(blob)}`
    const put = await rig.ask(path, { method: 'PUT', headers, body: blob.subarray(kept) })
    expect(put.status).toBe(201)
    expect((await rig.ask(`${APP}/blobs/${digestOf(blob)}`)).body.equals(blob)).toBe(true)
  })

  test('that fails while its client waits ends with an answer when the client goes on', async (context) => {
    await using disk = await smallDisk(context, { sizeBytes: 4 * MIB })
    await using rig = await startHosted({ folder: disk.path })
    const location = await startUpload(rig)
    const filler = join(disk.path, 'filler')
    await expect(writeFile(filler, Buffer.alloc(4 * MIB))).rejects.toThrow('ENOSPC')
    const leftBytes = 102_400
    await truncate(filler, (await stat(filler)).size - leftBytes)
    const blob = bytesOf('large', MIB)
    // Enough to be written, but no more, with which the failure could be found out.
    const socket = sendPart(rig, `PATCH ${location}`, blob.length, blob.subarray(0, 300_000))
    await eventually('a full disk', async () => (await keptBytes(rig, location)) === leftBytes)
    expect((await rig.ask('/healthz')).status).toBe(200)
    socket.write(blob.subarray(300_000))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 503 /)
    socket.destroy()
  })

  test('without a length is taken to its end', async () => {
    await using rig = await startHosted()
    const location = await startUpload(rig)
    const headers = { 'Transfer-Encoding': 'chunked' }
    const patched = await rig.ask(location, { method: 'PATCH', headers, body: bytes })
    expect([patched.status, patched.headers.range]).toEqual([202, `0-${bytes.length - 1}`])
    const put = await rig.ask(`${location}?digest=${digest}`, { method: 'PUT', headers, body: '' })
    expect(put.status).toBe(201)
  })

  test('whose client asks first is asked for', async () => {
    await using rig = await startHosted()
    const location = await startUpload(rig)
    const outgoing = request({
      port: rig.port,
      path: location,
      method: 'PATCH',
      headers: { Expect: '100-continue', 'Content-Length': bytes.length },
    })
    outgoing.flushHeaders()
    await once(outgoing, 'continue')
    outgoing.end(bytes)
    const [answer] = (await once(outgoing, 'response')) as [{ statusCode: number }]
    expect(answer.statusCode).toBe(202)
  })
})

describe('a push that fails', () => {
  test('leaves nothing where nobody can go on with it', async () => {
    await using folder = await temporaryFolder()
    await using rig = await startHosted({ folder: folder.path })
    const uploads = () => readdir(join(folder.path, 'uploads'))
    const line = `POST ${UPLOADS}?digest=${digest}`
    const socket = sendPart(rig, line, bytes.length, bytes.subarray(0, 60_000))
    await eventually('an upload', async () => (await uploads().catch(() => [])).length > 0)
    socket.destroy()
    await eventually('no upload', async () => (await uploads()).length === 0)
  })

  test.each([
    ['a blob', `${UPLOADS}?digest=${digest}`, 'POST'],
    ['a manifest', `${APP}/manifests/1`, 'PUT'],
  ])('for its size leaves the connection to the next request: %s', async (_, path, method) => {
    await using rig = await startHosted({ maxBlobBytes: 1000 })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const send = (asked: string, how: string, body?: Uint8Array) =>
      new Promise<{ status: number; port: number }>((resolve, reject) => {
        const outgoing = request(
          { port: rig.port, path: asked, method: how, agent },
          (response) => {
            const port = response.socket.localPort!
            const done = () => resolve({ status: response.statusCode!, port })
            response.resume().on('end', done)
          },
        )
        outgoing.on('error', reject)
        outgoing.end(body)
      })
    const refused = await send(path, method, Buffer.alloc(24 * MIB, ' '))
    const next = await send('/v2/', 'GET')
    agent.destroy()
    expect([refused.status, next.status]).toEqual([413, 200])
    expect(next.port).toBe(refused.port)
  })
})

test('many clients that push at the same time cost little memory', async () => {
  await using rig = await startHosted({ maxBlobBytes: 8 * MIB })
  const part = bytesOf('part', 300_000)
  const locations = await Promise.all(Array.from({ length: 200 }, () => startUpload(rig)))
  const beforeBytes = process.memoryUsage().arrayBuffers
  const sockets = locations.map((path) => sendPart(rig, `PATCH ${path}`, MIB, part))
  for (const location of locations) {
    await eventually('a chunk', async () => (await keptBytes(rig, location)) >= 250_000)
  }
  const usedBytes = process.memoryUsage().arrayBuffers - beforeBytes
  for (const socket of sockets) socket.destroy()
  // Without a bound it is half a MiB for each.
  expect(usedBytes).toBeLessThan(80 * MIB)
})

test('what store and inventory fail is counted, once for each answer', async () => {
  const steps: Steps<Inventory> = {}
  const storeSteps: Steps<BlobStore> = {}
  await using rig = await startHosted({ steps, storeSteps })
  const failures = async () => {
    const { text } = await rig.metrics.scrape()
    return text.split('\n').filter((line) => line.startsWith('entrepot_failures_total'))
  }
  const image = await buildImage({ seed: 'uncounted', layers: 1 })
  await pushImage(rig, image, '1')
  expect(await failures()).toEqual([])
  storeSteps.put = () => Promise.reject(new StoreError('io', 'the disk fails'))
  expect((await pushBlob(rig, bytes)).status).toBe(503)
  expect((await pushManifest(rig, image, image.root.digest, '2')).status).toBe(503)
  delete storeSteps.put
  steps.sync = () => Promise.reject(new InventoryError('the disk fails'))
  expect((await pushBlob(rig, bytes)).status).toBe(503)
  storeSteps.open = () => Promise.reject(new StoreError('io', 'the disk fails'))
  expect((await rig.ask(`${APP}/manifests/1`)).status).toBe(503)
  expect(await failures()).toEqual([
    'entrepot_failures_total{part="store",operation="answer push"} 2',
    'entrepot_failures_total{part="inventory",operation="answer push"} 1',
    'entrepot_failures_total{part="store",operation="answer manifest"} 1',
  ])
})

test('what cannot be read at the moment is not said to be unknown', async () => {
  const steps: Steps<BlobStore> = {}
  await using rig = await startHosted({ storeSteps: steps })
  const image = await buildImage({ seed: 'unread', layers: 1 })
  await pushImage(rig, image, '1')
  const [blob] = image.blobs.keys()
  const paths = [`${APP}/manifests/1`, `${APP}/blobs/${blob}`]
  steps.open = () => Promise.reject(new StoreError('io', 'the bucket does not answer'))
  for (const path of paths) {
    const answer = await rig.ask(path)
    expect([answer.status, errorOf(answer).code]).toEqual([503, 'UNAVAILABLE'])
  }
  delete steps.open
  for (const path of paths) expect((await rig.ask(path)).status).toBe(200)
})

test('a pull gets all of a blob that is deleted meanwhile', async () => {
  await using rig = await startHosted({ maxBlobBytes: 32 * MIB })
  const image = await buildImage({ seed: 'deleted', layers: 1, layerBytes: 16 * MIB })
  await pushImage(rig, image, '1')
  const [blob] = [...image.blobs.keys()].slice(-1)
  const outgoing = request({ port: rig.port, path: `${APP}/blobs/${blob}` }).end()
  const [answer] = (await once(outgoing, 'response')) as [AsyncIterable<Buffer>]
  for (const path of [`manifests/${image.root.digest}`, `blobs/${blob}`]) {
    expect((await rig.ask(`${APP}/${path}`, { method: 'DELETE' })).status).toBe(202)
  }
  await rig.garbage.run(AbortSignal.timeout(10_000), () => undefined)
  expect((await rig.ask(`${APP}/blobs/${blob}`)).status).toBe(404)
  const received = await Array.fromAsync(answer)
  expect(digestOf(Buffer.concat(received))).toBe(blob)
})
