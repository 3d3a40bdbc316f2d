import { describe, expect, test } from 'vitest'
import type { StatsHistory, TopList } from '../../../src/admin-stats.ts'
import type { History } from '../../../src/http/admin/stats-routes.ts'
import type { SpanQuery } from '../../../src/inventory/span.ts'
import { buildImage } from '../../support/images.ts'
import { ask } from '../mirror.ts'
import { startAdmin, stats } from './admin-rig.ts'
import { jsonOf, startLiveMirror } from './live-mirror.ts'

test('the statistics are JSON of the contract', async () => {
  await using admin = await startAdmin()
  const answer = await ask(admin, '/api/v1/stats')
  expect(answer.status).toBe(200)
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
  expect(JSON.parse(answer.body.toString())).toEqual(stats)
})

test('the metrics are as Prometheus reads them', async () => {
  await using admin = await startAdmin()
  const answer = await ask(admin, '/metrics')
  expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(answer.body.toString()).toContain('entrepot_fetched_bytes_total{upstream="docker.io"} 123')
  expect(answer.body.toString()).toContain('process_cpu_seconds_total')
})

test('statistics that cannot be had are a 500 without the reason', async () => {
  await using admin = await startAdmin({
    stats: () => Promise.reject(new Error('database is locked')),
  })
  const answer = await ask(admin, '/api/v1/stats')
  expect(answer.status).toBe(500)
  expect(answer.body.toString()).not.toContain('locked')
})

test('what went to clients most is told in order', async () => {
  await using mirror = await startLiveMirror()
  await mirror.pull('library/small:1', await buildImage({ seed: 'small', layerBytes: 10 }))
  await mirror.pull('library/large:1', await buildImage({ seed: 'large', layerBytes: 90_000 }))
  const { repositories } = jsonOf(await mirror.ask('stats/top')) as TopList
  expect(repositories.map(({ repository }) => repository)).toEqual([
    'docker.io/library/large',
    'docker.io/library/small',
  ])
  expect(repositories[0]!.bytes).toBeGreaterThan(180_000)
  const first = jsonOf(await mirror.ask('stats/top?limit=1')) as TopList
  expect(first.repositories).toEqual(repositories.slice(0, 1))
  expect((await mirror.ask('stats/top?limit=0')).status).toBe(400)
})

describe('the history of the statistics', () => {
  const noon = '2026-01-01T12:00:00.000Z'
  const noonMs = Date.parse(noon)
  const measured = {
    pulls: { hit: 3, miss: 1, join: 0, stale: 0, bypass: 0 },
    bytes: { served: 400, fetched: 100 },
    storeBytes: 100,
    budgets: [{ upstream: 'docker.io', limit: 100, remaining: 7 }],
  }

  test('is spans of time; of minutes, unless hours are asked for', async () => {
    const asked: SpanQuery[] = []
    const history: History = {
      async spans(query) {
        asked.push(query)
        return [{ startMs: noonMs, ...measured }]
      },
    }
    await using admin = await startAdmin({ history })
    const answer = await ask(admin, '/api/v1/stats/history')
    expect(JSON.parse(answer.body.toString())).toEqual({
      resolution: 'minute',
      spans: [{ start: noon, ...measured }],
    } satisfies StatsHistory)
    const query = `resolution=hour&from=${noon}&to=2026-01-01T15:00:00%2B02:00`
    await ask(admin, `/api/v1/stats/history?${query}`)
    expect(asked).toEqual([
      { resolution: 'minute', fromMs: 0, toMs: Number.MAX_SAFE_INTEGER },
      { resolution: 'hour', fromMs: noonMs, toMs: noonMs + 60 * 60_000 },
    ])
  })

  test.each(['resolution=day', 'from=yesterday', 'to=1', 'since=1'])(
    'is not told for %s',
    async (query) => {
      await using admin = await startAdmin()
      const answer = await ask(admin, `/api/v1/stats/history?${query}`)
      expect(answer.status).toBe(400)
    },
  )
})

describe('what it does not have', () => {
  test.each(['/page/', '/v2/', '/api/v1/', '/api/v1/nothing', '/api/v2/stats'])(
    '%s is 404 in JSON',
    async (path) => {
      await using admin = await startAdmin()
      const answer = await ask(admin, path)
      expect(answer.status).toBe(404)
      expect(JSON.parse(answer.body.toString())).toEqual({
        error: { code: 'NOT_FOUND', message: `there is no ${path} here` },
      })
    },
  )

  test.each([
    ['DELETE', '/api/v1/stats', 'HEAD, GET'],
    ['GET', '/api/v1/evict', 'POST'],
    ['PUT', '/api/v1/pins', 'HEAD, GET, POST, DELETE'],
    ['POST', '/metrics', 'HEAD, GET'],
  ])('%s %s is 405 with what it takes', async (method, path, allowed) => {
    await using admin = await startAdmin()
    const answer = await ask(admin, path, { method })
    expect(answer).toMatchObject({ status: 405, headers: { allow: allowed } })
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      error: { code: 'METHOD_NOT_ALLOWED' },
    })
  })
})

test('HEAD is answered as GET is, without a body', async () => {
  await using admin = await startAdmin()
  const answer = await ask(admin, '/api/v1/stats', { method: 'HEAD' })
  const { body } = await ask(admin, '/api/v1/stats')
  expect(answer).toMatchObject({
    status: 200,
    headers: { 'content-length': String(body.length) },
    body: Buffer.alloc(0),
  })
})

test('OPTIONS is answered with what a path takes', async () => {
  await using admin = await startAdmin()
  const answer = await ask(admin, '/api/v1/pins', { method: 'OPTIONS' })
  expect(answer).toMatchObject({ status: 200, headers: { allow: 'HEAD, GET, POST, DELETE' } })
})

test('a trailing slash changes nothing', async () => {
  await using admin = await startAdmin()
  expect(await ask(admin, '/api/v1/stats/')).toMatchObject({ status: 200 })
})

test('pages of other origins change nothing', async () => {
  await using admin = await startAdmin()
  const headers = { 'sec-fetch-site': 'cross-site', 'content-type': 'application/json' }
  const answer = await ask(admin, '/api/v1/scrub', { method: 'POST', headers })
  expect(answer.status).toBe(403)
})

describe('with a token', () => {
  test.each(['/api/v1/stats', '/metrics', '/other'])('%s needs it', async (path) => {
    await using admin = await startAdmin({ token: 'open-sesame' })
    const wrong = ['', 'Bearer', 'Bearer open', 'Bearer open-sesame-2', 'Basic open-sesame']
    for (const authorization of wrong) {
      const answer = await ask(admin, path, { headers: { authorization } })
      expect(answer.status).toBe(401)
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer /)
    }
    const right = await ask(admin, path, { headers: { authorization: 'Bearer open-sesame' } })
    expect(right.status).toBe(path === '/other' ? 404 : 200)
  })

  test('health does not', async () => {
    await using admin = await startAdmin({ token: 'open-sesame', isReady: false })
    expect(await ask(admin, '/healthz')).toMatchObject({ status: 200 })
    expect(await ask(admin, '/readyz')).toMatchObject({ status: 503 })
  })
})
