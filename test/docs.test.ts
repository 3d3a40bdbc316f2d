import { existsSync, globSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { configKeys } from '../src/config/keys.ts'
import { loadConfig } from '../src/config/load.ts'
import { adminApiPage } from './support/admin-api-page.ts'
import { haveOpenssl, makeCertificates } from './support/certificates.ts'
import { configurationPage } from './support/configuration-page.ts'
import { anchorsOf, linksOf } from './support/markdown.ts'
import { metricsPage } from './support/metrics-page.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))

test('docs/admin-api.md is what the source says; npm run docs writes it', async () => {
  expect(await readFile(join(ROOT, 'docs/admin-api.md'), 'utf8')).toBe(adminApiPage())
})

test('docs/configuration.md is what the schema says; npm run docs writes it', async () => {
  expect(await readFile(join(ROOT, 'docs/configuration.md'), 'utf8')).toBe(configurationPage())
})

test('docs/metrics.md is what the source says; npm run docs writes it', async () => {
  expect(await readFile(join(ROOT, 'docs/metrics.md'), 'utf8')).toBe(metricsPage())
})

describe('links', () => {
  const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT })

  test.each(pages)('of %s lead somewhere', (page) => {
    const lost = linksOf(readFileSync(join(ROOT, page), 'utf8')).filter((link) => {
      if (/^https?:/.test(link)) return false
      const [path = '', anchor] = link.split('#')
      const target = join(ROOT, path === '' ? page : join(dirname(page), path))
      if (!existsSync(target)) return true
      return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor)
    })
    expect(lost).toEqual([])
  })
})

test('ARCHITECTURE.md has two pages; what is more is in docs/internals.md', async () => {
  const words = (await readFile(join(ROOT, 'ARCHITECTURE.md'), 'utf8')).split(/\s+/)
  expect(words.length).toBeLessThanOrEqual(1150)
})

test('docs/comparison.md has its figures from bench/RESULTS.md', async () => {
  const page = await readFile(join(ROOT, 'docs/comparison.md'), 'utf8')
  const results = await readFile(join(ROOT, 'bench/RESULTS.md'), 'utf8')
  const rows = page
    .slice(page.indexOf('## Figures'))
    .split('\n')
    .filter((line) => line.startsWith('|'))
  const figures = rows.flatMap((row) => row.split('|').slice(2, -1)).map((cell) => cell.trim())
  expect(figures.filter((figure) => /^[\d,.]+$/.test(figure)).length).toBe(2 * (rows.length - 2))
  for (const figure of figures.slice(4)) expect(results).toContain(` ${figure} (`)
})

describe('mirror.config.yml', () => {
  const shipped = join(ROOT, 'mirror.config.yml')

  test('says what holds without it', async () => {
    const { config } = await loadConfig({ file: shipped, environment: {} })
    const flags = [{ flag: '--data', path: ['data'], text: join(ROOT, 'data') }]
    expect(config).toEqual((await loadConfig({ environment: {}, flags })).config)
  })

  test.skipIf(!haveOpenssl())('shows every key, those without a default as comments', async () => {
    await using folder = await temporaryFolder()
    makeCertificates(join(folder.path, 'certificates'))
    const file = join(folder.path, 'everything.yml')
    const text = await readFile(shipped, 'utf8')
    // A store of files takes no keys of S3.
    await writeFile(
      file,
      text.replace(/^( *)# (?= *(?:[\w.]+:|- ))/gm, '$1').replace('type: file', 'type: s3'),
    )
    const environment = {
      MIRROR_ADMIN_TOKEN: 'x',
      DOCKER_HUB_TOKEN: 'x',
      PROXY_URL: 'http://user:x@proxy.example.com:3128',
      S3_KEY: 'x',
      S3_SECRET: 'x',
      WEBHOOK_TOKEN: 'x',
      WEBHOOK_SECRET: 'x',
    }
    const loaded = await loadConfig({ file, environment })
    for (const { path } of configKeys()) {
      const named = path.map((key) => (key === 'NAME' ? 'docker.io' : key))
      // Items of a list may have several forms.
      const last = named.lastIndexOf('0')
      const items = last < 0 ? [named] : ['0', '1', '2'].map((item) => named.with(last, item))
      const sources = items.map((item) => loaded.originOf(item).source)
      expect({ path, sources }).toEqual({ path, sources: expect.arrayContaining(['file']) })
    }
  })
})
