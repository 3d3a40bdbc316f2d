import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { parseRepository, parseTag, type Reference } from '../../src/oci/reference.ts'
import { LimitEvents } from '../../src/telemetry/limit-events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { Budget } from '../../src/upstream/budget.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { startFakeHub } from '../support/fake-hub/fake-hub.ts'
import { buildImage } from '../support/images.ts'
import { openClient } from '../support/upstream-client.ts'

const signal = new AbortController().signal
const repository = parseRepository('library/demo')!
const ref: Reference = { kind: 'tag', repository, tag: parseTag('1')! }
const image = await buildImage()
const place = { upstream: 'hub.test', endpoint: 'hub.test' }

describe('the budget', () => {
  it('is read from every answer of the upstream', async () => {
    const clock = new FakeClock()
    const startMs = clock.now()
    await using hub = await startFakeHub({ clock, rateLimit: { limit: 3, windowSeconds: 60 } })
    hub.add(repository, '1', image)
    await using opened = openClient(hub, { clock })
    const { client, budget } = opened
    expect(budget.snapshot()).toEqual([])

    await client.resolve(ref, { signal })
    expect(budget.snapshot()).toEqual([
      {
        credential: 'anonymous',
        source: '127.0.0.1',
        limit: 3,
        remaining: 3,
        resetAtMs: startMs + 60_000,
      },
    ])
    clock.advance(10_000)
    await client.manifest(ref, { signal })
    expect(budget.snapshot()).toMatchObject([{ remaining: 2, resetAtMs: startMs + 60_000 }])
    hub.exhaustRateLimit()
    await expect(client.manifest(ref, { signal })).rejects.toThrow('pull rate limit')
    expect(budget.snapshot()).toMatchObject([{ remaining: 0 }])
    clock.advance(55_000)
    await client.manifest(ref, { signal })
    expect(budget.snapshot()).toMatchObject([{ remaining: 2, resetAtMs: startMs + 125_000 }])
  })

  it('goes by the user name where there is one', async () => {
    const credentials = { username: 'alice', password: 'sesame' }
    await using hub = await startFakeHub({
      credentials: [credentials],
      rateLimit: { limit: 200 },
    })
    hub.add(repository, '1', image)
    await using opened = openClient(hub, { credentials })
    await opened.client.manifest(ref, { signal })
    expect(opened.budget.snapshot()).toMatchObject([
      { credential: 'alice', source: 'alice', limit: 200, remaining: 199 },
    ])
  })

  it.each([
    [{}],
    [{ 'ratelimit-limit': '100;w=21600' }],
    [{ 'ratelimit-limit': 'many', 'ratelimit-remaining': '3' }],
  ])('makes nothing of %j', (headers) => {
    const budget = new Budget({ ...place, clock: new FakeClock() })
    budget.observe('anonymous', headers)
    expect(budget.snapshot()).toEqual([])
  })

  it('takes it for a new window when there is more left than before', () => {
    const clock = new FakeClock()
    const budget = new Budget({ ...place, clock })
    const observe = (remaining: number) =>
      budget.observe('anonymous', {
        'ratelimit-limit': '100;w=60',
        'ratelimit-remaining': `${remaining};w=60`,
      })
    observe(5)
    clock.advance(20_000)
    observe(99)
    expect(budget.snapshot()).toMatchObject([{ remaining: 99, resetAtMs: clock.now() + 60_000 }])
  })

  it('knows no end of a window whose length is not named', () => {
    const budget = new Budget({ ...place, clock: new FakeClock() })
    budget.observe('anonymous', { 'ratelimit-limit': '10', 'ratelimit-remaining': '3' })
    expect(budget.snapshot()).toEqual([{ credential: 'anonymous', limit: 10, remaining: 3 }])
  })

  it('is not low for ever where no end of the window is known and nothing more is told', () => {
    const clock = new FakeClock()
    const budget = new Budget({ ...place, clock })
    budget.observe('anonymous', { 'ratelimit-limit': '10', 'ratelimit-remaining': '0' })
    clock.advance(3_599_999)
    expect(budget.standing('anonymous')).toBe('low')
    clock.advance(1)
    expect(budget.standing('anonymous')).toBe('enough')
  })

  it('is reported, and once that it is low until it is not', () => {
    const clock = new FakeClock()
    const logged: [string, number][] = []
    const write = (line: string) => {
      const { msg, remaining } = JSON.parse(line) as { msg: string; remaining: number }
      logged.push([msg, remaining])
    }
    const budget = new Budget({
      ...place,
      clock,
      events: new LimitEvents(pino({}, { write }), new Metrics()),
    })
    const observe = (remaining: number) =>
      budget.observe('alice', {
        'ratelimit-limit': '100;w=60',
        'ratelimit-remaining': `${remaining};w=60`,
      })
    for (const remaining of [10, 9, 8]) observe(remaining)
    expect(budget.standing('alice')).toBe('low')
    clock.advance(60_000)
    expect(budget.standing('alice')).toBe('enough')
    for (const remaining of [99, 98]) observe(remaining)
    expect(logged).toEqual([
      ['pulls run low', 9],
      ['pulls are there again', 99],
    ])
  })
})
