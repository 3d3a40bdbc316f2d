import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { MANIFEST_TYPES } from '../../src/oci/manifest.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { filesBelow } from '../support/files-below.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startHosted, type HostedRig } from './hosted-rig.ts'
import type { AskOptions } from './mirror.ts'

const SEED = 20_261_121
const DIGEST = digestOf(Buffer.from('a'))

/** What HTTP lets through in a request line. */
const visible = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 30,
})
const hostile = fc.constantFrom(
  '..',
  '%2e%2e%2f',
  '..%5c',
  '//',
  '%00',
  '%',
  '?',
  '#',
  '~',
  '../../../../etc/passwd',
  'sha256:..',
  `sha256:${'0'.repeat(63)}/`,
  'a'.repeat(300),
)
const name = fc.oneof(fc.constant('private/app'), hostile, visible)
const tail = fc.oneof(fc.constantFrom('1', DIGEST), hostile, visible)
const place = fc.constantFrom('manifests', 'blobs', 'blobs/uploads', 'tags', 'referrers')
const query = fc.oneof(
  fc.constant(''),
  fc.constantFrom(`?digest=${DIGEST}`, '?digest=x', `?mount=${DIGEST}&from=private/app`, '?n=x'),
  visible.map((text) => `?digest=${text}`),
  visible.map((text) => `?${text}`),
)
const path = fc
  .tuple(name, place, tail, query)
  .map(([repository, below, end, text]) => `/v2/${repository}/${below}/${end}${text}`)

const headers = fc.dictionary(
  fc.constantFrom('Range', 'Content-Range', 'Content-Type', 'Accept', 'If-None-Match'),
  fc.oneof(
    fc.constantFrom(
      '0-0',
      '5-1',
      'bytes 0-0/1',
      'bytes=0-',
      '9999999999999999-1',
      '-1',
      ...MANIFEST_TYPES,
    ),
    visible,
  ),
)

const json = fc.oneof(
  fc.json(),
  fc
    .record(
      {
        schemaVersion: fc.constantFrom(1, 2, '2'),
        mediaType: fc.constantFrom(...MANIFEST_TYPES, 'text/plain'),
        config: fc.oneof(
          fc.jsonValue(),
          fc.constant({ mediaType: 'a/b', digest: DIGEST, size: 1 }),
        ),
        layers: fc.array(fc.jsonValue(), { maxLength: 3 }),
        manifests: fc.jsonValue(),
        subject: fc.oneof(
          fc.jsonValue(),
          fc.constant({ mediaType: 'a/b', digest: DIGEST, size: 1 }),
        ),
        annotations: fc.jsonValue(),
        artifactType: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map((manifest) => JSON.stringify(manifest)),
)

const request = fc.record({
  path,
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS'),
  headers,
  body: fc.oneof(fc.constant(undefined), json, visible),
})

async function demandHonest(rig: HostedRig, where: string, options: AskOptions): Promise<void> {
  const answer = await rig.ask(where, options)
  expect(answer.status, `${options.method} ${where}`).toBeLessThan(500)
  expect(answer.isComplete).toBe(true)
}

test('whatever is asked, the answer is no failure of ours, and nothing is written elsewhere', async () => {
  await using parent = await temporaryFolder()
  const folder = join(parent.path, 'data')
  await using rig = await startHosted({ folder })
  await rig.ask(`/v2/private/app/blobs/uploads/?digest=${DIGEST}`, { method: 'POST', body: 'a' })
  await fc.assert(
    fc.asyncProperty(request, async ({ path: where, method, headers: sent, body }) => {
      await demandHonest(rig, where, { method, headers: sent, ...(body !== undefined && { body }) })
    }),
    { seed: SEED, numRuns: 400 },
  )
  expect(await readdir(parent.path)).toEqual(['data'])
  const blobs = (await filesBelow(folder)).filter((file) => file.includes('blobs/'))
  for (const file of blobs) expect(file).toMatch(/blobs\/sha(256|512)\/[0-9a-f]{2}\/[0-9a-f]+$/)
})

test('chunks in any order make the blob, or are refused', async () => {
  await using rig = await startHosted()
  const chunk = fc.record({ first: fc.nat(12), length: fc.integer({ min: 1, max: 6 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(chunk, { maxLength: 8 }), async (chunks) => {
      const blob = Buffer.from('0123456789abcdef0123456789abcdef')
      const { headers: started } = await rig.ask('/v2/private/app/blobs/uploads/', {
        method: 'POST',
      })
      const location = started.location!
      let end = 0
      for (const { first, length } of chunks) {
        const answer = await rig.ask(location, {
          method: 'PATCH',
          headers: { 'Content-Range': `${first}-${first + length - 1}` },
          body: blob.subarray(first, first + length),
        })
        expect(answer.status).toBe(first === end ? 202 : 416)
        if (first === end) end += length
        expect(answer.headers.range).toBe(`0-${Math.max(0, end - 1)}`)
      }
      const digest = digestOf(blob.subarray(0, end))
      const last = await rig.ask(`${location}?digest=${digest}`, { method: 'PUT' })
      expect(last.status).toBe(201)
      expect((await rig.ask(`/v2/private/app/blobs/${digest}`)).body).toEqual(blob.subarray(0, end))
    }),
    { seed: SEED, numRuns: 60 },
  )
})
