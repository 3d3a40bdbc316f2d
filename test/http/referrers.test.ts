import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { parseReferrers, REFERRERS_TYPE } from '../../src/oci/referrers.ts'
import { buildArtifact, SBOM_TYPE, SIGNATURE_TYPE } from '../support/artifacts.ts'
import { upstreamError } from '../support/scripted-source.ts'
import { contentHeadersOf, errorOf, image, startMirror, type TestMirror } from './mirror.ts'

const { digest } = image.root
const annotations = { 'org.example.signer': 'Zoë' }
const signature = buildArtifact({ subject: image.root, annotations }).referrer
const sbom = buildArtifact({ subject: image.root, artifactType: SBOM_TYPE }).referrer
const path = `/v2/library/demo/referrers/${digest}`

let mirror: TestMirror

beforeEach(async () => {
  mirror = await startMirror()
  mirror.hub.setReferrers('library/demo', digest, [signature, sbom])
})

afterEach(() => mirror[Symbol.asyncDispose]())

test('come as an image index, each with its type and annotations', async () => {
  const answer = await mirror.ask(path)
  expect(answer.status).toBe(200)
  expect(JSON.parse(answer.body.toString())).toEqual({
    schemaVersion: 2,
    mediaType: REFERRERS_TYPE,
    manifests: [
      {
        mediaType: signature.mediaType,
        digest: signature.digest,
        size: signature.sizeBytes,
        artifactType: SIGNATURE_TYPE,
        annotations,
      },
      {
        mediaType: sbom.mediaType,
        digest: sbom.digest,
        size: sbom.sizeBytes,
        artifactType: SBOM_TYPE,
      },
    ],
  })
  expect(contentHeadersOf(answer.headers)).toEqual({
    'content-type': REFERRERS_TYPE,
    'content-length': String(answer.body.length),
    'cache-control': 'no-cache',
    'docker-distribution-api-version': 'registry/2.0',
  })
})

test('are filtered by their type, which the answer says', async () => {
  for (const type of [SBOM_TYPE, encodeURIComponent(SBOM_TYPE)]) {
    const answer = await mirror.ask(`${path}?ns=docker.io&artifactType=${type}`)
    expect(parseReferrers(answer.body)).toEqual([sbom])
    expect(answer.headers).toMatchObject({
      'oci-filters-applied': 'artifactType',
      'oci-namespace': 'docker.io',
    })
  }
})

test('are none, and no 404, of what nobody has', async () => {
  const unknown = digestOf(Buffer.from('unknown'))
  for (const repository of ['library/demo', 'library/unknown']) {
    const answer = await mirror.ask(`/v2/${repository}/referrers/${unknown}`)
    expect(answer.status).toBe(200)
    expect(parseReferrers(answer.body)).toEqual([])
  }
})

test('HEAD has the headers of GET', async () => {
  const get = await mirror.ask(path)
  const head = await mirror.ask(path, { method: 'HEAD' })
  expect(head.body).toHaveLength(0)
  expect(contentHeadersOf(head.headers)).toEqual(contentHeadersOf(get.headers))
})

test.each([
  '/v2/demo/referrers/',
  '/v2/docker.io/library/demo/referrers/',
  '/docker.io/v2/library/demo/referrers/',
])('are those of one repository by way of %s', async (way) => {
  const answer = await mirror.ask(`${way}${digest}`)
  expect(parseReferrers(answer.body)).toEqual([signature, sbom])
})

test('say so when they are stale', async () => {
  mirror.hub.outcome = 'stale'
  const answer = await mirror.ask(path)
  expect(answer.headers['warning']).toBe('110 - "Response is stale"')
})

describe('are refused', () => {
  test.each([
    [path.slice(0, -1), 400, 'DIGEST_INVALID'],
    [`${path}?artifactType=signature`, 400, 'ARTIFACT_TYPE_INVALID'],
    [`${path}?ns=quay.io`, 404, 'NAME_UNKNOWN'],
  ])('%s', async (wrong, status, code) => {
    const answer = await mirror.ask(wrong)
    expect(answer.status).toBe(status)
    expect(errorOf(answer).code).toBe(code)
    expect(mirror.hub.asked).toEqual([])
  })

  test('while upstream is down and nothing is known, never as none', async () => {
    mirror.hub.before = () => Promise.reject(upstreamError('unreachable'))
    const answer = await mirror.ask(path)
    expect(answer.status).toBe(503)
    expect(errorOf(answer).code).toBe('UNAVAILABLE')
  })
})

test('the access line tells how they were answered, and no pull is counted', async () => {
  mirror.hub.outcome = 'join'
  await mirror.ask(path)
  expect(await mirror.accessLine()).toMatchObject({
    kind: 'referrers',
    status: 200,
    outcome: 'join',
    upstream: 'docker.io',
    repository: 'library/demo',
    reference: digest,
  })
  expect(mirror.events.totals()).toMatchObject({ pulls: { join: 0 }, bytes: { served: 0 } })
})
