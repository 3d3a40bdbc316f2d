import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'

const HUB = {
  url: new URL('https://registry-1.docker.io'),
  default: true,
  credentials: [],
  tls: {},
  insecure: false,
  realms: [],
  privateHosts: [],
  failover: [],
  probe: 'ratelimitpreview/test',
  allow: ['**'],
  deny: [],
  hosts: [],
  tags: {
    freshForMs: 300_000,
    staleForMs: 2_592_000_000,
    absentForMs: 60_000,
    onAbsent: 'drop',
    refreshAhead: true,
    holdMs: 0,
    holdExcept: [],
  },
  prefix: 'docker.io',
}

test('mirrors Docker Hub where nothing is said', async () => {
  const { config } = await loadConfig({ environment: {} })
  expect(config).toEqual({
    listen: { host: '0.0.0.0', port: 5000, trustedProxies: [] },
    admin: { host: '127.0.0.1', port: 5001 },
    data: resolve('data'),
    upstreams: { 'docker.io': HUB },
    proxy: { except: [] },
    store: { type: 'file' },
    inventory: { type: 'sqlite' },
    eviction: {
      maxBytes: 50 * 1024 ** 3,
      highWatermark: 0.95,
      lowWatermark: 0.85,
      minFreeBytes: 5 * 1024 ** 3,
      ttlMs: 2_592_000_000,
      everyMs: 60_000,
      pins: [],
    },
    scrub: { everyMs: 604_800_000, bytesPerSecond: 52_428_800 },
    warm: [],
    auth: {
      anonymous: ['pull'],
      rules: [{ principals: ['*'], repositories: ['**'], actions: ['pull', 'push', 'delete'] }],
    },
    webhooks: [],
    hosted: {
      enabled: false,
      prefix: 'private',
      maxBlobBytes: 20 * 2 ** 30,
      allowSparse: false,
      immutable: [],
      retention: [],
      gracePeriodMs: 3_600_000,
      untagged: 'keep',
    },
    log: { level: 'info', format: 'auto' },
  })
})
