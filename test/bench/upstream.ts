import { createHash, randomBytes, type Hash } from 'node:crypto'
import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { digestOf, finishDigest, type Digest } from '../../src/oci/digest.ts'
import type { UpstreamCounters, UpstreamImage, UpstreamShape } from './upstream-process.ts'

/*
 * A registry with a token server and a CDN that costs little: blobs are one random chunk over and
 * over with a tail of their own, so that they need neither a disk nor much memory. The fake hub of
 * the tests can do far more and is slower.
 */

const CHUNK_BYTES = 1024 * 1024
const SHAPED_CHUNK_BYTES = 64 * 1024
const TAIL_BYTES = 32
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar'
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'

interface BenchBlob {
  sizeBytes: number
  tail: Buffer
}

interface BenchImage extends UpstreamImage {
  manifest: Buffer
}

const shape = JSON.parse(process.argv[2] ?? '{}') as UpstreamShape
const chunk = randomBytes(CHUNK_BYTES)
const prefixHashes = new Map<number, Hash>()
const images = new Map<string, BenchImage>()
const blobs = new Map<Digest, BenchBlob>()
const counters: UpstreamCounters = { requests: 0, tokens: 0, manifests: 0, blobs: 0, bytes: 0 }
let linkFreeAtMs = 0

function addBlob(sizeBytes: number, seed: string): Digest {
  const tail = createHash('sha256').update(seed).digest()
  const hash = hashOfPrefix(sizeBytes - TAIL_BYTES).copy()
  const digest = finishDigest('sha256', hash.update(tail))
  blobs.set(digest, { sizeBytes, tail })
  return digest
}

function hashOfPrefix(sizeBytes: number): Hash {
  let hash = prefixHashes.get(sizeBytes)
  if (!hash) {
    hash = createHash('sha256')
    for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
      hash.update(chunk.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - at)))
    }
    prefixHashes.set(sizeBytes, hash)
  }
  return hash
}

function addImage(repository: string, layers: number, layerBytes: number): BenchImage {
  const descriptor = (mediaType: string, size: number, seed: string): object => ({
    mediaType,
    digest: addBlob(size, `${repository}/${seed}`),
    size,
  })
  const content = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: descriptor(CONFIG_TYPE, 2048, 'config'),
    layers: Array.from({ length: layers }, (_, index) =>
      descriptor(LAYER_TYPE, layerBytes, `layer-${index}`),
    ),
  }
  const manifest = Buffer.from(JSON.stringify(content))
  const digests = [content.config, ...content.layers].map(
    (item) => (item as { digest: Digest }).digest,
  )
  const sizeBytes = manifest.length + 2048 + layers * layerBytes
  const image = { manifest, digest: digestOf(manifest), blobs: digests, sizeBytes }
  images.set(repository, image)
  return image
}

/** Waits until the link, which all transfers share, has room for so many bytes. */
async function transmit(bytes: number): Promise<void> {
  if (shape.bytesPerSecond === undefined) return
  const nowMs = performance.now()
  // What the timers of the last moment were late by may be made up for, an idle time may not.
  linkFreeAtMs = Math.max(linkFreeAtMs, nowMs - 5) + (bytes / shape.bytesPerSecond) * 1000
  if (linkFreeAtMs > nowMs) await sleep(linkFreeAtMs - nowMs)
}

async function* bytesOf(blob: BenchBlob): AsyncGenerator<Buffer> {
  const pieceBytes = shape.bytesPerSecond === undefined ? CHUNK_BYTES : SHAPED_CHUNK_BYTES
  const endOfPrefix = blob.sizeBytes - TAIL_BYTES
  for (let at = 0; at < endOfPrefix; at += pieceBytes) {
    const from = at % CHUNK_BYTES
    const piece = chunk.subarray(from, from + Math.min(pieceBytes, endOfPrefix - at))
    await transmit(piece.length)
    counters.bytes += piece.length
    yield piece
  }
  counters.bytes += blob.tail.length
  yield blob.tail
}

function send(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: Buffer | string,
): void {
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) })
  response.end(body)
}

async function serveRegistry(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://upstream')
  if (pathname === '/token') {
    counters.tokens++
    const token = JSON.stringify({ token: 'bench', access_token: 'bench', expires_in: 300 })
    return send(response, 200, { 'Content-Type': 'application/json' }, token)
  }
  if (request.headers.authorization !== 'Bearer bench') {
    const realm = `http://127.0.0.1:${portOf(registry)}/token`
    const challenge = `Bearer realm="${realm}",service="bench",scope="repository:bench:pull"`
    return send(response, 401, { 'WWW-Authenticate': challenge }, '{"errors":[]}')
  }
  if (pathname === '/v2/') return send(response, 200, {}, '{}')
  const [, repository = '', kind, reference = ''] =
    /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(pathname) ?? []
  const image = images.get(repository)
  if (!image) return send(response, 404, {}, '{"errors":[{"code":"NAME_UNKNOWN"}]}')
  if (kind === 'manifests') return sendManifest(response, image)
  return redirectBlob(request, response, reference as Digest)
}

function sendManifest(response: ServerResponse, image: BenchImage): void {
  counters.manifests++
  counters.bytes += image.manifest.length
  const headers = { 'Content-Type': MANIFEST_TYPE, 'Docker-Content-Digest': image.digest }
  send(response, 200, headers, image.manifest)
}

function redirectBlob(request: IncomingMessage, response: ServerResponse, digest: Digest): void {
  counters.blobs++
  const blob = blobs.get(digest)
  if (!blob) return send(response, 404, {}, '{"errors":[{"code":"BLOB_UNKNOWN"}]}')
  if (request.method !== 'HEAD') {
    const location = `http://127.0.0.1:${portOf(cdn)}/${digest}`
    return send(response, 307, { Location: location }, '')
  }
  response.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': blob.sizeBytes,
    'Docker-Content-Digest': digest,
  })
  response.end()
}

async function serveCdn(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const blob = blobs.get((request.url ?? '/').slice(1) as Digest)
  if (!blob || request.headers.authorization) return send(response, 400, {}, '')
  response.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': blob.sizeBytes,
  })
  await pipeline(bytesOf(blob), response)
}

async function serveControl(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://control')
  const answer =
    pathname === '/counters'
      ? counters
      : addImage(
          searchParams.get('repository') ?? '',
          Number(searchParams.get('layers')),
          Number(searchParams.get('layerBytes')),
        )
  send(response, 200, { 'Content-Type': 'application/json' }, JSON.stringify(answer))
}

function delayed(serve: (q: IncomingMessage, s: ServerResponse) => Promise<void>): RequestListener {
  return (request, response) => {
    counters.requests++
    const delay = shape.latencyMs === undefined ? Promise.resolve() : sleep(shape.latencyMs)
    // A client that has left ends its answer and nothing else.
    delay.then(() => serve(request, response)).catch(() => response.destroy())
  }
}

async function listen(listener: RequestListener): Promise<Server> {
  const server = createServer({ noDelay: true }, listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

const registry = await listen(delayed(serveRegistry))
const cdn = await listen(delayed(serveCdn))
const control = await listen((request, response) => void serveControl(request, response))
process.send?.({ registryPort: portOf(registry), controlPort: portOf(control) })
process.on('disconnect', () => process.exit())
