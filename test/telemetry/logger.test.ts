import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLogger } from '../../src/telemetry/logger.ts'

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'entrepot-log-'))
  path = join(folder, 'log')
})

afterEach(() => rm(folder, { recursive: true }))

async function linesOf(): Promise<Record<string, unknown>[]> {
  const text = await readFile(path, 'utf8')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('auto writes JSON where there is no terminal, all of it once disposed', async () => {
  {
    await using log = createLogger({ level: 'info', format: 'auto', to: path })
    for (let index = 0; index < 5000; index++) log.logger.info({ index }, 'request')
  }
  const lines = await linesOf()
  expect(lines).toHaveLength(5000)
  expect(lines[4999]).toMatchObject({ level: 'info', msg: 'request', index: 4999 })
})

test('a single line appears without more of them', async () => {
  await using log = createLogger({ level: 'info', format: 'json', to: path })
  log.logger.info('alone')
  await vi.waitFor(async () => expect(await linesOf()).toHaveLength(1))
})

test('lines below the level are left out', async () => {
  {
    await using log = createLogger({ level: 'warn', format: 'json', to: path })
    log.logger.info('no')
    log.logger.warn('yes')
  }
  expect((await linesOf()).map((line) => line['msg'])).toEqual(['yes'])
})

test('pretty is for people: no JSON, no colours into a file', async () => {
  {
    await using log = createLogger({ level: 'info', format: 'pretty', to: path })
    log.logger.info({ upstream: 'docker.io' }, 'fill committed')
  }
  const text = await readFile(path, 'utf8')
  expect(text).toMatch(/INFO: fill committed \{"upstream":"docker.io"\}/)
  expect(text).not.toContain('\u001B')
})

test('secrets are censored, and of errors only messages are kept', async () => {
  const cause = Object.assign(new Error('socket hang up'), { headers: { authorization: 'hush' } })
  {
    await using log = createLogger({ level: 'info', format: 'json', to: path })
    log.logger.info({ authorization: 'hush', password: 'hush', token: 'hush' }, 'secrets')
    log.logger.warn({ error: new TypeError('fetch failed', { cause }) }, 'failed')
  }
  expect(await readFile(path, 'utf8')).not.toContain('hush')
  const [, failed] = await linesOf()
  expect(failed).toMatchObject({ error: 'TypeError: fetch failed <- Error: socket hang up' })
})
