import { pino } from 'pino'
import { beforeEach, expect, test } from 'vitest'
import { Events } from '../../src/telemetry/events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import type { ServedRequest } from '../../src/telemetry/served-request.ts'

let lines: Record<string, unknown>[]
let metrics: Metrics
let events: Events

beforeEach(() => {
  lines = []
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>)
  metrics = new Metrics()
  events = new Events(pino({ level: 'debug' }, { write }), metrics)
})

const pull: ServedRequest = {
  method: 'GET',
  path: '/v2/library/alpine/manifests/3',
  kind: 'manifest',
  status: 200,
  aborted: false,
  bytes: 500,
  durationMs: 2,
  firstByteMs: 1,
  outcome: 'hit',
  upstream: 'docker.io',
  repository: 'library/alpine',
  reference: '3',
  digest: 'sha256:3',
  remote: '127.0.0.1',
  principal: undefined,
  userAgent: 'docker/29.0',
}

async function sample(name: string): Promise<string[]> {
  const { text } = await metrics.scrape()
  return text.split('\n').filter((line) => line.startsWith(name))
}

test('a pull is one line and its counters', async () => {
  events.requestServed(pull, undefined)
  events.requestServed(
    { ...pull, method: 'HEAD', digest: undefined, bytes: 0, status: 304, outcome: 'stale' },
    undefined,
  )
  expect(lines).toHaveLength(2)
  expect(lines[0]).toMatchObject({
    msg: 'request',
    request: { outcome: 'hit', repository: 'library/alpine' },
  })
  expect(events.top.list(9)).toEqual([
    {
      upstream: 'docker.io',
      repository: 'library/alpine',
      bytes: 500,
      pulls: { hit: 1, miss: 0, join: 0, stale: 1, bypass: 0 },
    },
  ])
  const image = { upstream: 'docker.io', repository: 'library/alpine', digest: 'sha256:3' }
  expect(events.pulledImages.of(image)).toMatchObject({ hit: 1, stale: 0 })
  expect(events.totals()).toEqual({
    pulls: { hit: 1, miss: 0, join: 0, stale: 1, bypass: 0 },
    bytes: { served: 500, fetched: 0 },
    lostContents: 0,
  })
  expect(await sample('entrepot_requests_total')).toEqual([
    'entrepot_requests_total{kind="manifest",method="GET",status="2xx"} 1',
    'entrepot_requests_total{kind="manifest",method="HEAD",status="3xx"} 1',
  ])
  expect(await sample('entrepot_served_bytes_total')).toEqual([
    'entrepot_served_bytes_total{kind="manifest"} 500',
  ])
})

test('what an error says is neither served content nor saved', async () => {
  events.requestServed({ ...pull, outcome: undefined, status: 503, bytes: 75 }, undefined)
  expect(events.totals().bytes).toEqual({ served: 0, fetched: 0 })
  expect(await sample('entrepot_served_bytes_total')).toEqual([])
})

test('a scrape shows the counters again, not their sum over scrapes', async () => {
  events.bytesFetched('docker.io', 10)
  events.bytesFetched('docker.io', 5)
  await metrics.scrape()
  expect(await sample('entrepot_fetched_bytes_total')).toEqual([
    'entrepot_fetched_bytes_total{upstream="docker.io"} 15',
  ])
  expect(events.totals().bytes.fetched).toBe(15)
})

test.each([416, 404, 429, 499, 503])('an answer of %i is no pull', (status) => {
  events.requestServed({ ...pull, status }, undefined)
  expect(events.totals().pulls.hit).toBe(0)
  expect(events.top.list(9)).toEqual([])
})

test('a GET of a manifest is a saved pull where upstream gave no content for it', async () => {
  for (const outcome of ['hit', 'join', 'stale', 'miss', 'bypass'] as const) {
    events.requestServed({ ...pull, method: 'GET', outcome }, undefined)
    events.requestServed({ ...pull, method: 'HEAD', outcome }, undefined)
    events.requestServed({ ...pull, kind: 'blob', method: 'GET', outcome }, undefined)
    events.requestServed({ ...pull, method: 'GET', outcome, status: 503 }, undefined)
  }
  expect(events.limits.savedPulls('docker.io')).toBe(3)
  expect(await sample('entrepot_saved_pulls_total')).toEqual([
    'entrepot_saved_pulls_total{upstream="docker.io"} 3',
  ])
})

test('what is left of a limit shows as the upstream told it last', async () => {
  const told = { upstream: 'docker.io', endpoint: 'a:1', credential: 'alice', limit: 100 }
  for (const remaining of [9, 8]) events.limits.budgetTold({ ...told, remaining })
  const labels = 'upstream="docker.io",endpoint="a:1",credential="alice"'
  expect(await sample('entrepot_budget_remaining')).toEqual([
    `entrepot_budget_remaining{${labels}} 8`,
  ])
  expect(await sample('entrepot_budget_limit')).toEqual([`entrepot_budget_limit{${labels}} 100`])
})

test('an endpoint that refuses all requests shows until it does not', async () => {
  const samples: string[] = []
  for (const state of ['open', 'closed'] as const) {
    events.limits.abuseLimitChanged({ upstream: 'docker.io', endpoint: 'a:1', state })
    samples.push(...(await sample('entrepot_abuse_limited')))
  }
  const labels = 'upstream="docker.io",endpoint="a:1"'
  expect(samples).toEqual([
    `entrepot_abuse_limited{${labels}} 1`,
    `entrepot_abuse_limited{${labels}} 0`,
  ])
})

test('credentials that are taken for wrong show until they are not', async () => {
  const who = { upstream: 'docker.io', endpoint: 'a:1', credential: 'alice' }
  const samples: string[] = []
  for (const isRefused of [true, false]) {
    events.credentialsJudged({ ...who, isRefused })
    samples.push(...(await sample('entrepot_credentials_refused')))
  }
  const labels = 'upstream="docker.io",endpoint="a:1",credential="alice"'
  expect(samples).toEqual([
    `entrepot_credentials_refused{${labels}} 1`,
    `entrepot_credentials_refused{${labels}} 0`,
  ])
  expect(lines).toMatchObject([
    { ...who, level: 40, msg: 'upstream refuses our credentials' },
    { ...who, level: 30, msg: 'upstream takes our credentials again' },
  ])
})

test('health checks are not worth a line by default', () => {
  events.requestServed({ ...pull, kind: 'health', outcome: undefined }, undefined)
  expect(lines[0]).toMatchObject({ level: 20 })
})

test('methods that clients make up share one label', async () => {
  events.requestServed({ ...pull, method: 'BREW' }, undefined)
  expect(await sample('entrepot_requests_total')).toEqual([
    'entrepot_requests_total{kind="manifest",method="other",status="2xx"} 1',
  ])
})

test('why credentials were not renewed stands where all errors do', () => {
  events.credentialsKept({ upstream: 'docker.io', error: new Error('helper failed') })
  expect(lines).toMatchObject([{ upstream: 'docker.io', msg: 'credentials were not renewed' }])
  expect(lines[0]).toHaveProperty('error')
  expect(lines[0]).not.toHaveProperty('err')
})

test('an open breaker shows until it closes', async () => {
  events.endpointOpened({ upstream: 'docker.io', endpoint: 'a:1' })
  expect(await sample('entrepot_breaker_open')).toEqual([
    'entrepot_breaker_open{upstream="docker.io",endpoint="a:1"} 0',
  ])
  events.breakerChanged({ upstream: 'docker.io', endpoint: 'a:1', state: 'open' })
  expect(await sample('entrepot_breaker_open')).toEqual([
    'entrepot_breaker_open{upstream="docker.io",endpoint="a:1"} 1',
  ])
  events.breakerChanged({ upstream: 'docker.io', endpoint: 'a:1', state: 'closed' })
  expect(await sample('entrepot_breaker_open')).toEqual([
    'entrepot_breaker_open{upstream="docker.io",endpoint="a:1"} 0',
  ])
})

test('answers of upstream are timed by the class of their status', async () => {
  const answer = { upstream: 'docker.io', kind: 'token', method: 'GET', durationMs: 40 } as const
  events.upstreamAnswered({ ...answer, status: 200 })
  events.upstreamAnswered({ ...answer, status: 'error' })
  expect(await sample('entrepot_upstream_request_duration_seconds_count')).toEqual([
    'entrepot_upstream_request_duration_seconds_count{upstream="docker.io",kind="token",method="GET",status="2xx"} 1',
    'entrepot_upstream_request_duration_seconds_count{upstream="docker.io",kind="token",method="GET",status="error"} 1',
  ])
})

test('what becomes of fills and what fails is counted', async () => {
  const fill = { upstream: 'docker.io', repository: 'library/alpine', digest: 'sha256:0' }
  events.fillStarted({ ...fill, bytes: 0, totalBytes: 9 })
  events.fillResumed({ ...fill, bytes: 4, totalBytes: 9, error: new Error('cut') })
  events.fillCommitted({ ...fill, bytes: 9, totalBytes: 9, durationMs: 5 })
  events.storeFailed({ operation: 'put', digest: undefined, error: new Error('disk full') })
  expect(await sample('entrepot_fills_total')).toEqual([
    'entrepot_fills_total{upstream="docker.io",outcome="committed"} 1',
  ])
  expect(await sample('entrepot_fill_resumes_total')).toEqual([
    'entrepot_fill_resumes_total{upstream="docker.io"} 1',
  ])
  expect(await sample('entrepot_failures_total')).toEqual([
    'entrepot_failures_total{part="store",operation="put"} 1',
  ])
})

test('a disk that is full is no news for each thing that it refuses', () => {
  const refusal = Object.assign(new Error('full'), { kind: 'no-space' })
  for (const error of [refusal, new Error('broken')]) {
    events.storeFailed({ operation: 'put', digest: undefined, error })
  }
  const [debug, error] = [20, 50]
  expect(lines.map(({ level }) => level)).toEqual([debug, error])
})

test('what a job has done is news, that it had nothing to do is not', async () => {
  events.jobStarted({ job: 'sweep' })
  events.jobEnded({ job: 'sweep', durationMs: 9, result: { adopted: 0, removed: 2 } })
  events.jobEnded({ job: 'sweep', durationMs: 9, result: { adopted: 0, removed: 0 } })
  events.jobFailed({ job: 'sweep', error: new Error('no disk') })
  expect(lines.map((line) => line['level'])).toEqual([20, 30, 20, 50])
  expect(await sample('entrepot_job_runs_total')).toEqual([
    'entrepot_job_runs_total{job="sweep",outcome="ended"} 2',
    'entrepot_job_runs_total{job="sweep",outcome="failed"} 1',
  ])
})

test('content that is lost is counted by what was wrong with it', async () => {
  const name = 'entrepot_lost_contents_total'
  expect(await sample(name)).toContain('entrepot_lost_contents_total{fault="wrong-bytes"} 0')
  events.contentLost({ digest: 'sha256:0', fault: 'wrong-bytes' })
  expect(lines[0]).toMatchObject({ level: 50, digest: 'sha256:0', fault: 'wrong-bytes' })
  expect(events.totals().lostContents).toBe(1)
  expect(await sample(name)).toContain('entrepot_lost_contents_total{fault="wrong-bytes"} 1')
})
