import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import { Redirects } from '../../src/http/redirects.ts'
import { type HttpServer, listen } from '../../src/http/server.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { Guard } from '../../src/policy/guard.ts'
import { Routes } from '../../src/policy/routes.ts'
import { Rules } from '../../src/policy/rules.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { demo, mirrorOn, type MirrorRig, upstreamSource } from '../cache/mirror-rig.ts'
import { openGate } from '../support/open-gate.ts'
import { damages } from '../support/damage.ts'
import { bytesOf } from '../support/images.ts'
import type { ScriptedSource } from '../support/scripted-source.ts'
import { until } from '../support/turns.ts'
import { ask, type AskOptions } from './mirror.ts'

const bytes = bytesOf('layer', 300_000)
const digest = digestOf(bytes)
const small = bytesOf('config', 1_000)
const LINK = 'https://bucket.test/blobs/1?X-Amz-Signature=secret'
const MINUTE_MS = 60_000

describe('a blob that clients fetch from the bucket', () => {
  let upstream: ScriptedSource
  let rig: MirrorRig
  let server: HttpServer
  let link: () => Promise<URL | undefined>
  let ttls: number[]

  beforeEach(async () => {
    upstream = upstreamSource()
    upstream.addBlob(demo, digest, bytes)
    upstream.addBlob(demo, digestOf(small), small)
    rig = await mirrorOn(upstream, { isPublic: false })
    link = () => Promise.resolve(new URL(LINK))
    ttls = []
    const redirects = new Redirects({
      ...rig,
      links: {
        link: async (blob, ttlMs) => {
          ttls.push(ttlMs)
          const stat = await rig.store.stat(blob.digest)
          return stat?.sizeBytes === blob.sizeBytes ? link() : undefined
        },
      },
      except: { repositories: ['docker.io/other/*'], clients: ['old-client/**'] },
    })
    const source = new Guard(rig.mirror, new Rules('docker.io', { allow: ['**'], deny: ['no/*'] }))
    const routes = new Routes([
      { name: 'docker.io', prefix: 'docker.io', hosts: [], isDefault: true, source },
    ])
    const options = { hosted: undefined, gate: openGate, events: rig.events, isReady: () => true }
    const app = createApp({ routes, redirects, ...options })
    server = await listen(app, { host: '127.0.0.1', port: 0 })
    expect((await pull()).status).toBe(200)
  })

  afterEach(async () => {
    await server[Symbol.asyncDispose]()
    await rig[Symbol.asyncDispose]()
  })

  /** Until it is kept. */
  async function pull(options: AskOptions = {}, repository: string = demo, of = digest) {
    const answer = await ask(server, `/v2/${repository}/blobs/${of}`, options)
    await until('no fill is under way', () => rig.fills.list().length === 0)
    return answer
  }

  it('is 307 to a link that ends soon, and may not be kept', async () => {
    const answer = await pull()
    expect(answer).toMatchObject({ status: 307, isComplete: true })
    expect(answer.body).toHaveLength(0)
    expect(answer.headers).toMatchObject({
      location: LINK,
      'docker-content-digest': digest,
      'cache-control': 'no-store',
    })
    expect(ttls.at(-1)).toBeLessThanOrEqual(10 * MINUTE_MS)
    expect(rig.events.totals().pulls).toMatchObject({ miss: 1, hit: 1 })
    expect(rig.logged().join()).not.toContain('secret')
  })

  it('is told of by HEAD from here', async () => {
    const answer = await pull({ method: 'HEAD' })
    expect(answer).toMatchObject({ status: 200 })
    expect(answer.headers).toMatchObject({
      'docker-content-digest': digest,
      'content-length': String(bytes.length),
    })
  })

  it.each([
    ['is asked for in part', { headers: { range: 'bytes=0-9' } }],
    ['is for a client that is excepted', { headers: { 'user-agent': 'old-client/1.0 (x/y)' } }],
  ])('is served from here when it %s', async (_, options) => {
    expect((await pull(options)).status).toBeLessThan(300)
  })

  it('is served from here in a repository that is excepted', async () => {
    upstream.addBlob('other/demo', digest, bytes)
    const answer = await pull({}, 'other/demo')
    expect(answer.status).toBe(200)
    expect(answer.body.equals(bytes)).toBe(true)
  })

  it('is served from here when it is small, or the store has it nearer', async () => {
    expect((await pull({}, demo, digestOf(small))).status).toBe(200)
    expect((await pull({}, demo, digestOf(small))).status).toBe(200)
    link = () => Promise.resolve(undefined)
    expect((await pull()).status).toBe(200)
  })

  it('is fetched again from upstream when it is not there any more', async () => {
    await damages.lose(rig.folder, digest)
    const answer = await pull()
    expect(answer.status).toBe(200)
    expect(answer.body.equals(bytes)).toBe(true)
    expect((await pull()).status).toBe(307)
  })

  it('comes from here when the store cannot be asked', async () => {
    rig.storeSteps.stat = () => Promise.reject(new StoreError('io', 'S3 is down'))
    expect((await pull()).status).toBe(200)
    link = () => Promise.reject(new StoreError('io', 'no credentials'))
    expect((await pull()).status).toBe(200)
  })

  it('is refused where the rules do, and unknown where the repository does not have it', async () => {
    expect((await pull({}, 'no/demo')).status).toBe(403)
    expect((await pull({}, 'library/else')).status).toBe(404)
  })
})
