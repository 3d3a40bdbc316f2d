import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ConfigKeyEntry, ErrorEntry } from '../../src/admin-daemon.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { MirrorStage } from './mirror-stage.ts'
import { rowsOf } from './tables.ts'

describe('of the running daemon', () => {
  let stage: MirrorStage

  beforeAll(async () => {
    stage = await MirrorStage.start({
      ENTREPOT_UPSTREAMS__DOWN_TEST__URL: `http://127.0.0.1:${await freePort()}`,
      ENTREPOT_UPSTREAMS__DOCKER_IO__DEFAULT: 'true',
      ENTREPOT_EVICTION__TTL: '60d',
    })
  })

  afterAll(() => stage[Symbol.asyncDispose]())

  test('the configuration is told with who has set it, whatever it would be by now', async () => {
    const { code, stdout } = await stage.run('config', 'running', 'eviction.ttl')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^eviction\.ttl\n/)
    expect(stdout).toMatch(/^ {2}default +30d$/m)
    expect(stdout).toMatch(/^ {2}value +60d$/m)
    expect(stdout).toMatch(/^ {2}set by +ENTREPOT_EVICTION__TTL$/m)
    const { stdout: all } = await stage.run('config', 'running')
    expect(all).toMatch(/^eviction\.ttl +60d {2}\(ENTREPOT_EVICTION__TTL\)$/m)
    expect(all).toMatch(/^eviction\.lowWatermark +0\.85 {2}\(default\)$/m)
    const { stdout: json } = await stage.run('config', 'running', 'eviction.ttl', '--json')
    const [key] = JSON.parse(json) as ConfigKeyEntry[]
    expect(key).toMatchObject({ value: '60d', default: '30d', origin: { source: 'env' } })
  })

  test('a key that is none is a wrong call', async () => {
    expect(await stage.run('config', 'running', 'eviction.tll')).toEqual({
      code: 64,
      stdout: '',
      stderr: 'entrepot: unknown key eviction.tll; did you mean eviction.ttl?\n',
    })
  })

  test('errors are listed, those of a kind together', async () => {
    const pull = await fetch(`${stage.url}/v2/down.test/app/manifests/1`)
    expect(pull.status).toBeGreaterThanOrEqual(500)
    const entries = await eventually('the failed pull', async () => {
      const { stdout } = await stage.run('errors', '--json')
      const all = JSON.parse(stdout) as ErrorEntry[]
      return all.some(({ message }) => message === 'request') ? all : undefined
    })
    expect(entries.every(({ count }) => count > 0)).toBe(true)
    const { stdout } = await stage.run('errors')
    expect(rowsOf(stdout)).toContainEqual({
      LAST: expect.stringMatching(/^\d+s$/) as string,
      COUNT: '1',
      LEVEL: 'warn',
      WHAT: 'request',
      'OF THE LAST': expect.stringMatching(/ upstream=down\.test .*error=.*ECONNREFUSED/) as string,
    })
  })
})
