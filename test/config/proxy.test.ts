import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, it, test } from 'vitest'
import { type LoadedConfig, loadConfig } from '../../src/config/load.ts'
import { caught } from '../support/caught.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function load(text: string, environment: NodeJS.ProcessEnv = {}): Promise<LoadedConfig> {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, text)
  return await loadConfig({ file, environment })
}

describe('proxies', () => {
  test('are those of the variables that others read, in either case', async () => {
    const loaded = await load('', {
      HTTPS_PROXY: 'http://upper.corp:3128',
      https_proxy: 'http://lower.corp:3128',
      HTTP_PROXY: 'plain.corp:8080',
      NO_PROXY: '.corp, 10.0.0.0/8  *',
    })
    expect(loaded.config.proxy).toEqual({
      https: { url: new URL('http://lower.corp:3128'), credentials: undefined },
      http: { url: new URL('http://plain.corp:8080'), credentials: undefined },
      except: ['.corp', '10.0.0.0/8', '*'],
    })
    expect(loaded.originOf(['proxy', 'https'])).toEqual({ source: 'env', variable: 'https_proxy' })
  })

  test('are those of the file first, and before it those of our own variables', async () => {
    const file = 'proxy: { https: "http://file.corp", http: none, except: [a.test] }'
    const others = { HTTPS_PROXY: 'http://x.corp', HTTP_PROXY: 'http://x.corp', NO_PROXY: 'x' }
    const { config } = await load(file, others)
    expect(config.proxy).toMatchObject({ http: 'none', except: ['a.test'] })
    expect(config.proxy.https).toMatchObject({ url: new URL('http://file.corp') })
    const ours = { ...others, ENTREPOT_PROXY__HTTPS: 'none' }
    expect((await load(file, ours)).config.proxy.https).toBe('none')
  })

  test('may be of one endpoint', async () => {
    const { config } = await load(
      'upstreams: { ghcr.io: { proxy: none, failover: [{ url: "https://m", proxy: "https://p" }] } }',
    )
    const { proxy, failover } = config.upstreams['ghcr.io']!
    expect(proxy).toBe('none')
    expect(failover[0]?.proxy).toMatchObject({ url: new URL('https://p') })
  })

  test.each([
    ['socks5://proxy:1080'],
    ['http://proxy:99999'],
    ['http://proxy/path'],
    ['http://u:%ff@proxy'],
    ['http://proxy/?x'],
  ])('%s is refused', async (url) => {
    expect(String(await caught(load('', { HTTPS_PROXY: url })))).toBe(
      'ConfigError: HTTPS_PROXY: proxy.https: expected none, or the http or https URL of a proxy',
    )
  })
})

describe('credentials of a proxy', () => {
  const environment = { PROXY: 'http://us%40r:p%3Aw@proxy.corp:3128' }

  it('are read from the URL, which may be a secret', async () => {
    const { config } = await load('proxy: { https: "${env:PROXY}" }', environment)
    const { https } = config.proxy
    if (https === 'none' || !https) throw new Error('no proxy')
    expect(https.url.href).toBe('http://proxy.corp:3128/')
    expect(https.credentials?.username).toBe('us@r')
    expect(https.credentials?.password.reveal()).toBe('p:w')
  })

  it('may stand in a file', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'proxy')
    await writeFile(file, 'http://alice:x@proxy.corp:3128\n')
    const { config } = await loadConfig({ environment: { ENTREPOT_PROXY__HTTPS__FILE: file } })
    expect(config.proxy.https).toMatchObject({ credentials: { username: 'alice' } })
  })

  it('hide the URL that holds them', async () => {
    const loaded = await load(
      'proxy: { https: "${env:PROXY}", http: "http://open.corp" }',
      environment,
    )
    expect(loaded.effective['proxy']).toEqual({
      https: '[secret]',
      http: 'http://open.corp',
      except: [],
    })
    expect(inspect(loaded.config, { depth: 9 })).not.toContain('p:w')
  })
})
