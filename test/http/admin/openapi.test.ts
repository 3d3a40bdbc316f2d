import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildImage } from '../../support/images.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { jsonOf, linesOf, type LiveMirror, startLiveMirror } from './live-mirror.ts'

const HOUR_MS = 3_600_000
/** Its name here, for references into it. */
const DOCUMENT = 'https://api.test/openapi.json'
const LINES = 'application/x-ndjson'

interface Described {
  operationId: string
  parameters?: { name: string }[]
}

interface Document {
  openapi: string
  paths: Record<string, Record<string, Described>>
}

/** A request to each route, as `method path`, and the status that it is to have: 200 where left out. */
interface Request {
  query?: string
  body?: object
  status?: number
}

const REFERENCE = 'library/node:22'
const IMAGE = await buildImage({ seed: 'old' })

/** In this order: each leaves what the next one needs. */
const REQUESTS: Record<string, Request[]> = {
  'get /openapi.json': [{}],
  'get /stats': [{}],
  'get /stats/history': [
    { query: '?resolution=hour&from=2026-01-01T00:00:00Z' },
    { query: '?resolution=day', status: 400 },
  ],
  'get /stats/top': [{ query: '?limit=3' }],
  'get /config': [{}],
  'get /images': [{ query: '?limit=1' }, { query: '?limit=0', status: 400 }],
  'get /platforms': [
    { query: `?digest=${IMAGE.root.digest}` },
    { query: '?digest=sha256:0', status: 400 },
  ],
  'get /repositories': [{ query: '?search=node&limit=1' }, { query: '?after=x', status: 400 }],
  'post /pins': [
    { body: { pattern: 'library/node:22*' } },
    { body: {}, status: 400 },
    { status: 415 },
  ],
  'get /pins': [{}],
  'delete /pins': [
    { query: '?pattern=library/node:22*' },
    { query: '?pattern=library/node:22*', status: 404 },
  ],
  'get /holds': [{}],
  'get /history': [{ query: `?reference=${REFERENCE}` }],
  'post /release': [
    { body: { reference: REFERENCE } },
    { body: { reference: 'library/none:1' }, status: 404 },
  ],
  'post /freezes': [
    { body: { reference: REFERENCE } },
    { body: { reference: REFERENCE, at: 'once' }, status: 400 },
  ],
  'get /freezes': [{}],
  'delete /freezes': [
    { query: `?reference=${REFERENCE}` },
    { query: `?reference=${REFERENCE}`, status: 404 },
  ],
  'get /upstreams': [{}],
  'post /upstreams/test': [
    { body: { name: 'docker.io' } },
    { body: { name: 'none.test' }, status: 404 },
  ],
  'post /warm': [
    { body: { images: [REFERENCE] } },
    { body: { images: ['library/none:1'] } },
    { body: { images: [] }, status: 400 },
  ],
  'post /scrub': [{ body: {} }],
  'post /sweep': [{ body: { dryRun: true } }, { body: {} }],
  'post /evict': [{ body: { dryRun: true, toBytes: 0 } }, { body: { toBytes: -1 }, status: 400 }],
  'post /purge': [{ body: { reference: REFERENCE } }, { body: { reference: '@' }, status: 400 }],
  'get /jobs': [{}],
  'get /errors': [{}],
  'post /gc': [{ body: { dryRun: true } }, { body: { dryRun: 'yes' }, status: 400 }],
  'post /rollback': [
    { body: { reference: 'private/app:1' } },
    { body: { reference: REFERENCE }, status: 409 },
  ],
}

/** Answered as long as somebody listens. */
const ENDLESS = ['get /events', 'get /live']

describe('the OpenAPI document', () => {
  let mirror: LiveMirror
  let document: Document
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })

  beforeAll(async () => {
    mirror = await startLiveMirror({
      ENTREPOT_HOSTED__ENABLED: 'true',
      ENTREPOT_AUTH__ANONYMOUS__0: 'pull',
      ENTREPOT_AUTH__ANONYMOUS__1: 'push',
      ENTREPOT_UPSTREAMS__DOCKER_IO__TAGS__FRESH_FOR: '0s',
      ENTREPOT_UPSTREAMS__DOCKER_IO__TAGS__HOLD: '72h',
    })
    document = jsonOf(await mirror.ask('openapi.json')) as Document
    ajv.addSchema({ $id: DOCUMENT, ...(closed(document) as Document) })
    await mirror.pull(REFERENCE, IMAGE)
    await mirror.age(3 * HOUR_MS)
    mirror.hub.add('library/node', '22', await buildImage({ seed: 'young' }))
    await (await fetch(`${mirror.url}/v2/library/node/manifests/22`)).arrayBuffer()
    for (const seed of ['first', 'second']) await push(mirror, 'private/app', '1', seed)
  })

  afterAll(() => mirror[Symbol.asyncDispose]())

  function described(key: string): Described {
    const [method = '', path = ''] = key.split(' ')
    const operation = document.paths[path]?.[method]
    if (!operation) throw new Error(`${key} is not described`)
    return operation
  }

  /** Why a value does not fit what stands at a place in the description of a route. */
  function misfit(key: string, place: readonly string[], value: unknown): string | undefined {
    const [method = '', path = ''] = key.split(' ')
    const keys = ['paths', path, method, ...place]
    const pointer = keys.map((one) => one.replaceAll('/', '~1')).join('/')
    const validate = ajv.compile({ $ref: `${DOCUMENT}#/${encodeURI(pointer)}` })
    return validate(value) ? undefined : ajv.errorsText(validate.errors)
  }

  function misfits(key: string, status: number, type: string, values: readonly unknown[]) {
    const place = ['responses', String(status), 'content', type, 'schema']
    return values.flatMap((value) => misfit(key, place, value) ?? [])
  }

  test('is OpenAPI 3.1, and has every route; all of them are tried here', async () => {
    expect(document.openapi).toBe('3.1.0')
    const keys = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    )
    expect(keys.toSorted()).toEqual((await routesInSource()).toSorted())
    expect([...Object.keys(REQUESTS), ...ENDLESS].toSorted()).toEqual(keys.toSorted())
    const ids = keys.map((key) => described(key).operationId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test.each(Object.entries(REQUESTS))('tells what %s takes and answers', async (key, requests) => {
    const [method = '', path = ''] = key.split(' ')
    for (const { query = '', body, status = 200 } of requests) {
      const options = { method: method.toUpperCase(), ...(body && { body }) }
      const answer = await mirror.ask(`${path.slice(1)}${query}`, options)
      expect([query, answer.status]).toEqual([query, status])
      const [type = ''] = answer.headers['content-type']?.split(';') ?? []
      const values = type === LINES ? linesOf(answer) : [jsonOf(answer)]
      expect(values).not.toEqual([])
      expect(misfits(key, status, type, values)).toEqual([])
      if (status !== 200) continue
      const bodyPlace = ['requestBody', 'content', 'application/json', 'schema']
      if (body) expect(misfit(key, bodyPlace, body)).toBeUndefined()
      const names = described(key).parameters?.map(({ name }) => name) ?? []
      for (const name of new URLSearchParams(query).keys()) expect(names).toContain(name)
    }
  })

  test('tells what get /events answers', async () => {
    await using stream = await listen('events')
    await mirror.pull('library/alpine:3')
    const values = [JSON.parse(await stream.until('\n')) as unknown]
    expect(misfits('get /events', 200, LINES, values)).toEqual([])
  })

  test('tells what get /live answers', async () => {
    await using stream = await listen('live')
    const [name, data = ''] = (await stream.until('\n\n')).split('\n')
    expect(name).toBe('event: status')
    const values = [JSON.parse(data.replace('data: ', '')) as unknown]
    expect(misfits('get /live', 200, 'text/event-stream', values)).toEqual([])
  })

  /** An answer without an end, until it is disposed. */
  async function listen(path: string) {
    const leaving = new AbortController()
    const answer = await fetch(`${mirror.adminUrl}/api/v1/${path}`, { signal: leaving.signal })
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
    return {
      /** What comes first, up to a mark. */
      async until(mark: string): Promise<string> {
        let text = ''
        while (!text.includes(mark)) text += (await reader.read()).value ?? ''
        return text.slice(0, text.indexOf(mark))
      },
      async [Symbol.asyncDispose]() {
        leaving.abort()
        await reader.cancel().catch(() => undefined)
      },
    }
  }
})

/** The same without room for fields that nobody has described. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const all = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, closed(one)]))
  return all['type'] === 'object' && all['properties']
    ? { additionalProperties: false, ...all }
    : all
}

async function routesInSource(): Promise<string[]> {
  const folder = join(import.meta.dirname, '../../../src/http/admin')
  const names = (await readdir(folder)).filter((name) => /^app\.ts$|-routes\.ts$/.test(name))
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  const routes = texts.flatMap((text) => [
    ...text.matchAll(/router\.(get|post|put|patch|delete)\(\s*'([^']+)'/g),
  ])
  // Beside the API.
  return routes
    .map(([, method, path]) => `${method} ${path}`)
    .filter((key) => key !== 'get /metrics')
}

/** Pushes an artifact without content of its own. */
async function push({ url }: LiveMirror, repository: string, tag: string, seed: string) {
  const empty = Buffer.from('{}')
  const digest = digestOf(empty)
  const uploads = `${url}/v2/${repository}/blobs/uploads/?digest=${digest}`
  await fetch(uploads, { method: 'POST', body: empty })
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', size: 2, digest }
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const annotations = { seed }
  const answer = await fetch(`${url}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers: { 'Content-Type': mediaType },
    body: JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [], annotations }),
  })
  expect(answer.status).toBe(201)
}
