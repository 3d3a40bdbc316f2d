import { expect, test } from 'vitest'
import { startMirror } from './mirror.ts'

test('the process is alive whether or not it is ready', async () => {
  await using mirror = await startMirror()
  mirror.readiness.isReady = false
  expect(await mirror.ask('/healthz')).toMatchObject({ status: 200 })
})

test('readiness follows the daemon', async () => {
  await using mirror = await startMirror()
  expect(await mirror.ask('/readyz')).toMatchObject({ status: 200 })
  mirror.readiness.isReady = false
  expect(await mirror.ask('/readyz')).toMatchObject({ status: 503 })
})

test('what is not served is a 404', async () => {
  await using mirror = await startMirror()
  for (const path of ['/', '/v1/_ping', '/api/v1/stats', '/metrics']) {
    expect(await mirror.ask(path)).toMatchObject({ status: 404 })
  }
})
