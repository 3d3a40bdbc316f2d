import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { bannerText } from '../../src/cli/banner.ts'
import { loadConfig } from '../../src/config/load.ts'

const ADMIN = { host: '127.0.0.1', port: 5001 }

async function banner(host: string): Promise<string> {
  const environment = { ENTREPOT_UPSTREAMS__GHCR_IO__URL: 'https://ghcr.io', ENTREPOT_DATA: '/c' }
  const { config } = await loadConfig({ environment })
  return bannerText(config, { host, port: 5000 }, ADMIN)
}

test('the banner says what is mirrored, where content is kept and where it listens', async () => {
  const text = await banner('0.0.0.0')
  expect(text).toMatch(/mirrors .*docker\.io \(default\)/)
  expect(text).toMatch(/mirrors .*ghcr\.io/)
  expect(text).toMatch(/content +\/c$/m)
  expect(text).toMatch(/listens +http:\/\/0\.0\.0\.0:5000$/m)
  expect(text).toMatch(/admin +http:\/\/127\.0\.0\.1:5001$/m)
})

test.each(['0.0.0.0', '::'])(
  'on %s clients here and elsewhere have a name for it',
  async (host) => {
    const text = await banner(host)
    expect(text).toContain('"registry-mirrors": ["http://localhost:5000"]')
    expect(text).toContain(`http://${hostname()}:5000`)
  },
)

test.each([
  ['10.0.0.1', 'http://10.0.0.1:5000'],
  ['::1', 'http://[::1]:5000'],
])('on %s it is that address', async (host, url) => {
  const text = await banner(host)
  expect(text).toContain(`"registry-mirrors": ["${url}"]`)
  expect(text).not.toContain('other machines')
})

test('with TLS it is HTTPS for clients', async () => {
  const { config } = await loadConfig({ environment: {} })
  const address = { host: '10.0.0.1', port: 5000, scheme: 'https' as const }
  const text = bannerText(config, address, ADMIN)
  expect(text).toContain('"registry-mirrors": ["https://10.0.0.1:5000"]')
  expect(text).toMatch(/admin +http:/)
})
