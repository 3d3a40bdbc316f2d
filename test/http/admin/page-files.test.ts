import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ask } from '../mirror.ts'
import { startAdmin } from './admin-rig.ts'

const FOLDER = new URL('../../../src/http/admin/page/', import.meta.url)

test('all that the page is made of is served, each as what it is', async () => {
  await using admin = await startAdmin()
  const names = readdirSync(FOLDER).filter((name) => name !== 'tsconfig.json')
  expect(names).toContain('page.js')
  const paths = names.map((name) => (name === 'index.html' ? '/' : `/${name}`))
  for (const path of [...paths, '/uPlot.js', '/uPlot.css']) {
    const { status, headers, body } = await ask(admin, path)
    expect({ path, status }).toEqual({ path, status: 200 })
    expect(headers['content-type']).toMatch(/^(?:text\/(?:html|css|javascript)|image\/svg\+xml)/)
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(body.length).toBe(Number(headers['content-length']))
    expect(body.length).toBeGreaterThan(0)
  }
  expect((await ask(admin, '/tsconfig.json')).status).toBe(404)
})

test('nothing but what this listener serves may be loaded, and nobody may frame it', async () => {
  await using admin = await startAdmin()
  const policy = (await ask(admin, '/')).headers['content-security-policy'] as string
  const rules = policy.split('; ').sort()
  expect(rules).toEqual([
    "base-uri 'none'",
    "connect-src 'self'",
    "default-src 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "img-src 'self' data:",
    "script-src 'self'",
    "style-src 'self'",
  ])
})

test('what a browser has is not sent again', async () => {
  await using admin = await startAdmin()
  const { headers } = await ask(admin, '/page.js')
  expect(headers['cache-control']).toBe('no-cache')
  const again = { headers: { 'if-none-match': `W/"other", ${headers.etag}` } }
  expect(await ask(admin, '/page.js', again)).toMatchObject({ status: 304, body: Buffer.of() })
  const other = { headers: { 'if-none-match': '"other"' } }
  expect((await ask(admin, '/page.js', other)).status).toBe(200)
})

describe('with a token', () => {
  test('the page needs none, and changes nothing', async () => {
    await using admin = await startAdmin({ token: 'open-sesame' })
    expect((await ask(admin, '/')).status).toBe(200)
    expect(await ask(admin, '/', { method: 'HEAD' })).toMatchObject({ status: 200 })
    expect((await ask(admin, '/', { method: 'POST' })).status).toBe(401)
  })

  test('no path leads out of it', async () => {
    await using admin = await startAdmin()
    for (const path of ['/../app.ts', '/%2e%2e/app.ts', '//index.html', '/page/page.js']) {
      expect((await ask(admin, path)).status).toBe(404)
    }
  })
})
