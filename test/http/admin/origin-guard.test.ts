import { describe, expect, test } from 'vitest'
import { originGuard } from '../../../src/http/admin/origin-guard.ts'
import type { Context } from '../../../src/http/exchange.ts'
import { ask } from '../mirror.ts'
import { startSmallApp, type SmallApp } from './small-app.ts'

function open(context: Context): void {
  context.body = 'open'
}

function startGuarded(names: 'any' | 'local' = 'local'): Promise<SmallApp> {
  return startSmallApp(() => [originGuard(names), open])
}

const FOREIGN_PAGES: Record<string, string>[] = [
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { origin: 'https://evil.example.com' },
  { origin: 'null' },
  { origin: 'not a url' },
]

describe('a page of another origin', () => {
  test.each(FOREIGN_PAGES)('changes nothing: %o', async (headers) => {
    await using app = await startGuarded()
    for (const method of ['POST', 'DELETE', 'PUT', 'OPTIONS']) {
      const answer = await ask(app.server, '/', { method, headers })
      expect(answer.status).toBe(403)
      expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { code: 'FORBIDDEN' } })
    }
  })

  test('is never allowed to read what is answered', async () => {
    await using app = await startGuarded()
    const headers = { origin: 'https://evil.example.com' }
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      const answer = await ask(app.server, '/', { method, headers })
      const allowed = Object.keys(answer.headers).filter((name) => name.startsWith('access-'))
      expect(allowed).toEqual([])
    }
  })

  test('is no better off with a token on the listener', async () => {
    await using app = await startGuarded('any')
    const headers = { 'sec-fetch-site': 'cross-site' }
    expect(await ask(app.server, '/', { method: 'POST', headers })).toMatchObject({ status: 403 })
  })
})

describe('its own page, and what is no browser,', () => {
  test('changes what it wants', async () => {
    await using app = await startGuarded()
    const host = `127.0.0.1:${app.server.port}`
    const own: Record<string, string>[] = [
      {},
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-site': 'same-origin', origin: `http://${host}` },
    ]
    for (const headers of own) {
      expect(await ask(app.server, '/', { method: 'POST', headers })).toMatchObject({ status: 200 })
    }
  })
})

describe('a name that was made to resolve to loopback', () => {
  const headers = { host: 'evil.example.com', origin: 'http://evil.example.com' }

  test.each(['GET', 'HEAD', 'POST'])('is no way in where there is no token: %s', async (method) => {
    await using app = await startGuarded()
    expect(await ask(app.server, '/', { method, headers })).toMatchObject({ status: 403 })
  })

  test('does no harm where there is one', async () => {
    await using app = await startGuarded('any')
    expect(await ask(app.server, '/', { method: 'POST', headers })).toMatchObject({ status: 200 })
  })

  test.each(['localhost:5001', '127.0.0.1', '[::1]:5001'])('is not %s', async (host) => {
    await using app = await startGuarded()
    const answer = await ask(app.server, '/', { method: 'POST', headers: { host } })
    expect(answer.status).toBe(200)
  })
})
