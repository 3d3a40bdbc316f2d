import { expect, test } from 'vitest'
import { RecentErrors } from '../../src/telemetry/recent-errors.ts'

function lineOf(line: object): string {
  return `${JSON.stringify(line)}\n`
}

test('warnings and errors are remembered, the last first, other lines are not', () => {
  const errors = new RecentErrors()
  errors.hear(lineOf({ level: 'info', time: 1, msg: 'request' }))
  errors.hear(lineOf({ level: 'warn', time: 2, upstream: 'docker.io', msg: 'fill resumed' }))
  errors.hear(
    lineOf({ level: 'error', time: 3, job: 'scrub', error: 'Error: x', msg: 'job failed' }),
  )
  errors.hear(lineOf({ level: 'debug', time: 4, msg: 'evicted' }))
  expect(errors.list()).toEqual([
    {
      level: 'error',
      message: 'job failed',
      count: 1,
      firstAtMs: 3,
      lastAtMs: 3,
      details: { job: 'scrub', error: 'Error: x' },
    },
    {
      level: 'warn',
      message: 'fill resumed',
      count: 1,
      firstAtMs: 2,
      lastAtMs: 2,
      details: { upstream: 'docker.io' },
    },
  ])
})

test('those of one kind are one, with how often they came and the details of the last', () => {
  const errors = new RecentErrors()
  for (const [time, tag] of ['1', '2', '3'].entries()) {
    errors.hear(
      lineOf({ level: 'warn', time, upstream: 'a.test', tag, msg: 'revalidation failed' }),
    )
  }
  errors.hear(lineOf({ level: 'warn', time: 9, upstream: 'b.test', msg: 'revalidation failed' }))
  expect(errors.list()).toMatchObject([
    { count: 1, details: { upstream: 'b.test' } },
    { count: 3, firstAtMs: 0, lastAtMs: 2, details: { upstream: 'a.test', tag: '3' } },
  ])
})

test('requests that failed are told apart by upstream and status', () => {
  const errors = new RecentErrors()
  const requests = [
    { upstream: 'a.test', status: 502, path: '/v2/x/manifests/1' },
    { upstream: 'a.test', status: 503, path: '/v2/x/manifests/1' },
    { upstream: 'a.test', status: 503, path: '/v2/y/manifests/1' },
  ]
  for (const request of requests) {
    errors.hear(lineOf({ level: 'warn', time: 1, request, msg: 'request' }))
  }
  expect(errors.list().map(({ count, details }) => [count, details['request']])).toEqual([
    [2, requests[2]],
    [1, requests[0]],
  ])
})

test('there are a hundred kinds at most, of which the oldest is forgotten', () => {
  const errors = new RecentErrors()
  for (let index = 0; index < 150; index++) {
    errors.hear(lineOf({ level: 'warn', time: index, job: `job-${index}`, msg: 'job failed' }))
    errors.hear(lineOf({ level: 'warn', time: index, msg: 'always' }))
  }
  expect(errors.list()).toHaveLength(100)
  expect(errors.list()[0]).toMatchObject({ message: 'always', count: 150 })
  expect(errors.list().at(-1)).toMatchObject({ details: { job: 'job-51' } })
})
