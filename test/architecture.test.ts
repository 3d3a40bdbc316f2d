import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  type Architecture,
  lineCount,
  type SourceFile,
  violationsOf,
} from './support/architecture.ts'

const FOUNDATION = ['util', 'oci', 'telemetry']
const PARTS = ['store', 'inventory', 'upstream', 'auth', 'cache', 'hosted', 'policy']

/** The layering rule and the owners of packages; a new folder or package gets its row here. */
const ARCHITECTURE: Architecture = {
  layers: {
    util: [],
    'admin-api': ['admin-stats'],
    'admin-stats': [],
    'admin-upstreams': [],
    'admin-daemon': ['admin-api', 'admin-stats', 'admin-upstreams'],
    oci: ['util'],
    config: ['util'],
    telemetry: ['util'],
    jobs: ['util'],
    store: FOUNDATION,
    inventory: FOUNDATION,
    upstream: FOUNDATION,
    auth: FOUNDATION,
    cache: [...FOUNDATION, 'store', 'inventory'],
    hosted: [...FOUNDATION, 'store', 'inventory'],
    policy: FOUNDATION,
    webhook: [...FOUNDATION, 'inventory', 'admin-stats'],
    http: [
      ...FOUNDATION,
      ...PARTS,
      'admin-api',
      'admin-stats',
      'admin-daemon',
      'version',
      'admin-upstreams',
    ],
    version: [],
    listening: ['util', 'telemetry', 'config', 'http'],
    webhooks: [...FOUNDATION, 'inventory', 'webhook', 'config', 'admin-stats', 'version'],
    logins: [...FOUNDATION, 'auth', 'config'],
    hosting: ['store', 'inventory', 'hosted', 'policy', 'config', 'jobs'],
    stores: ['util', 'telemetry', 'store', 'cache', 'config'],
    migration: ['store', 'stores', 'config'],
    connection: [],
    'local-connections': ['util', 'store', 'auth', 'config', 'stores', 'connection'],
    connections: [
      ...FOUNDATION,
      'store',
      'upstream',
      'config',
      'stores',
      'endpoint-access',
      'connection',
      'local-connections',
    ],
    doctor: [
      ...FOUNDATION,
      'store',
      'config',
      'stores',
      'endpoint-access',
      'connection',
      'connections',
    ],
    'stats-recorder': [...FOUNDATION, 'admin-stats', 'inventory'],
    stats: [...FOUNDATION, 'admin-stats', 'inventory', 'cache', 'stores', 'upstreams', 'webhooks'],
    upkeep: [...FOUNDATION, 'inventory', 'cache', 'jobs'],
    'endpoint-access': [...FOUNDATION, 'upstream', 'config', 'version'],
    warming: [...FOUNDATION, 'cache', 'policy', 'config', 'jobs'],
    'endpoint-report': [...FOUNDATION, 'upstream', 'admin-upstreams'],
    upstreams: [
      ...FOUNDATION,
      'upstream',
      'config',
      'admin-upstreams',
      'admin-stats',
      'endpoint-access',
      'endpoint-report',
    ],
    'config-report': ['admin-daemon', 'config'],
    gauges: ['cache', 'telemetry'],
    daemon: [
      ...FOUNDATION,
      ...PARTS,
      'config',
      'config-report',
      'gauges',
      'http',
      'hosting',
      'listening',
      'logins',
      'stats',
      'stats-recorder',
      'stores',
      'upkeep',
      'upstreams',
      'version',
      'warming',
      'webhooks',
    ],
    cli: [
      'util',
      'oci',
      'auth',
      'policy',
      'admin-api',
      'admin-stats',
      'admin-daemon',
      'admin-upstreams',
      'config',
      'telemetry',
      'daemon',
      'migration',
      'connection',
      'connections',
      'doctor',
      'version',
    ],
    main: ['cli', 'version'],
  },
  owners: {
    '@aws-sdk/client-s3': ['store'],
    '@aws-sdk/s3-request-presigner': ['store'],
    '@koa/router': ['http'],
    '@opentelemetry/api': ['telemetry'],
    bcryptjs: ['auth'],
    commander: ['cli'],
    koa: ['http'],
    kysely: ['inventory'],
    'lru-cache': ['cache', 'upstream'],
    'node:sqlite': ['inventory', 'store/folder-lock.ts'],
    pino: ['telemetry'],
    'pino-pretty': ['telemetry'],
    'prom-client': ['telemetry'],
    'smol-toml': ['cli'],
    tldts: ['upstream'],
    undici: ['upstream'],
    uplot: ['http/admin'],
    yaml: ['config'],
    zod: ['config', 'http/admin'],
  },
  environment: 'config',
}

const LONG_LINES = 250

function readSources(): SourceFile[] {
  const root = join(import.meta.dirname, '../src')
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({
      path: path.slice(root.length + 1).replaceAll('\\', '/'),
      text: readFileSync(path, 'utf8'),
    }))
}

function check(...files: [path: string, text: string][]): string[] {
  return violationsOf(
    files.map(([path, text]) => ({ path, text })),
    ARCHITECTURE,
  )
}

describe('the source', () => {
  const files = readSources()

  test('keeps to the architecture', () => {
    expect(files.length).toBeGreaterThan(0)
    expect(violationsOf(files, ARCHITECTURE)).toEqual([])
  })

  test('has few long files', () => {
    const long = files.filter((file) => lineCount(file) > LONG_LINES)
    for (const file of long) console.info(`${file.path}: ${lineCount(file)} lines`)
    expect(long.length).toBeLessThanOrEqual(files.length / 10)
  })
})

describe('the checker', () => {
  test('lets through what the table allows', () => {
    const text = [
      "import { createHash } from 'node:crypto'",
      "import Koa from 'koa'",
      "import type { Digest } from '../oci/digest.ts'",
      'import {',
      '  type Clock,',
      '  systemClock,',
      "} from '../util/clock.ts'",
      '/** Reads process dot env? No: see config. */',
      "export const words = 'from elsewhere'",
    ].join('\n')
    expect(check(['http/app.ts', text])).toEqual([])
  })

  test.each([
    ['an upward import', 'oci/digest.ts', "import { open } from '../store/blob-store.ts'"],
    ['an import of types', 'store/a.ts', "import type { Row } from '../inventory/rows.ts'"],
    ['an import of several lines', 'store/a.ts', "import {\n  a,\n  b,\n} from '../http/app.ts'"],
    ['a sibling', 'upstream/client.ts', "export { open } from '../store/blob-store.ts'"],
    ['the cache asking upstream', 'cache/fill.ts', "import { get } from '../upstream/get.ts'"],
    [
      'a part reading the config',
      'http/app.ts',
      "import type { Config } from '../config/schema.ts'",
    ],
    ['an import for its effects', 'util/a.ts', "import '../oci/digest.ts'"],
    ['a dynamic import', 'util/a.ts', "const a = await import('../oci/digest.ts')"],
  ])('finds %s', (_, path, text) => {
    expect(check([path, text])).toEqual([expect.stringMatching(`^${path}: .* must not import `)])
  })

  test.each([
    ['a package outside of its owner', 'cache/fill.ts', "import { request } from 'undici'"],
    ['a path inside a package', 'cache/fill.ts', "import { a } from 'undici/lib/a.js'"],
    ['a scoped package', 'cache/fill.ts', "import Router from '@koa/router'"],
    ['a package nobody owns', 'util/a.ts', "import { chunk } from 'lodash'"],
    [
      'a builtin with an owner',
      'store/file-store.ts',
      "import { DatabaseSync } from 'node:sqlite'",
    ],
  ])('finds %s', (_, path, text) => {
    expect(check([path, text])).toEqual([expect.stringContaining('does not own the package')])
  })

  test('knows owners that are folders within a part', () => {
    const text = "import { z } from 'zod'"
    expect(check(['http/admin/bodies.ts', text])).toEqual([])
    expect(check(['http/app.ts', text], ['http/admin-page.ts', text])).toHaveLength(2)
  })

  test('knows owners that are single files', () => {
    expect(check(['store/folder-lock.ts', "import { DatabaseSync } from 'node:sqlite'"])).toEqual(
      [],
    )
  })

  test('finds a folder without a row', () => {
    expect(check(['plugins/a.ts', ''])).toEqual([expect.stringContaining('no row')])
  })

  test('finds cycles, of types too', () => {
    const found = check(
      ['util/a.ts', "import { b } from './b.ts'"],
      ['util/b.ts', "import type { C } from './c.ts'"],
      ['util/c.ts', "import { a } from './a.ts'"],
    )
    expect(found).toEqual(['util/a.ts -> util/b.ts -> util/c.ts -> util/a.ts: cycle'])
  })

  test.each([
    ['reads the environment', 'http/app.ts', 'const port = process.env.PORT'],
    ['reads the environment', 'http/app.ts', "import { env } from 'node:process'"],
    ['has a default export', 'http/app.ts', 'export default function app() {}'],
    ['has a default export', 'http/app.ts', 'export { app as default }'],
    ['is a barrel', 'oci/index.ts', ''],
    ['names nothing', 'oci/helpers.ts', ''],
    ['names nothing', 'cache/fill-manager.ts', ''],
    ['has more than 400 lines', 'oci/digest.ts', 'export {}\n'.repeat(401)],
  ])('finds a file that %s', (violation, path, text) => {
    expect(check([path, text])).toEqual([expect.stringContaining(violation)])
  })

  test('lets config read the environment', () => {
    expect(check(['config/environment.ts', 'const all = process.env'])).toEqual([])
  })
})
