import { delimiter } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answering, fakeHelper, type FakeHelper } from '../support/credential-program.ts'
import { freePort } from '../support/free-port.ts'
import { HttpProxy } from '../support/http-proxy.ts'
import { MirrorStage } from './mirror-stage.ts'
import { rowsOf } from './tables.ts'

describe('upstreams', () => {
  let helper: FakeHelper
  let stage: MirrorStage
  let down: string

  beforeAll(async () => {
    helper = await fakeHelper('test', answering('alice', 'x'))
    down = `127.0.0.1:${await freePort()}`
    stage = await MirrorStage.start(
      {
        PATH: `${helper.folder}${delimiter}${process.env['PATH']}`,
        ENTREPOT_UPSTREAMS__DOCKER_IO__CREDENTIALS__0__HELPER: 'test',
        ENTREPOT_UPSTREAMS__DOWN_TEST__URL: `http://${down}`,
      },
      { credentials: [{ username: 'alice', password: 'x' }], rateLimit: { limit: 100 } },
    )
  })

  afterAll(async () => {
    await stage[Symbol.asyncDispose]()
    await helper[Symbol.asyncDispose]()
  })

  test('are listed as far as they are known, and nobody is asked', async () => {
    const { code, stdout } = await stage.run('upstream', 'list')
    expect(code).toBe(0)
    expect(rowsOf(stdout)).toMatchObject([
      {
        UPSTREAM: 'docker.io',
        ENDPOINT: new URL(stage.hub.url).host,
        AS: 'docker-credential-test',
        STATE: 'not asked',
        LOGIN: '-',
        LEFT: '-',
      },
      { UPSTREAM: 'down.test', ENDPOINT: down, AS: 'anonymous', STATE: 'not asked' },
    ])
    expect(stage.hub.requests).toEqual([])
  })

  test('that answer are tested without a pull', async () => {
    const { code, stdout, stderr } = await stage.run('upstream', 'test', 'docker.io')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const row = {
      AS: 'alice',
      STATE: 'answers',
      LOGIN: `bearer ${new URL(stage.hub.tokenUrl).host}`,
      LEFT: '100 of 100',
      RESETS: expect.stringMatching(/^in \d+[hms]$/) as string,
    }
    expect(rowsOf(stdout)).toMatchObject([row])
    expect(rowsOf((await stage.run('upstream', 'list')).stdout)).toMatchObject([row, {}])
    const { stdout: json } = await stage.run('upstream', 'test', 'docker.io', '--json')
    expect(JSON.parse(json)).toMatchObject({
      name: 'docker.io',
      endpoints: [{ users: [{ credential: 'alice', remaining: 100, error: null }] }],
    })
  })

  test('that do not answer fail the test, with the reason', async () => {
    const { code, stdout, stderr } = await stage.run('upstream', 'test', 'down.test')
    expect(code).toBe(1)
    expect(rowsOf(stdout)).toMatchObject([{ STATE: 'silent' }])
    expect(stderr).toBe(
      `entrepot: ${down} as anonymous: down.test: ${down} cannot be reached (ECONNREFUSED)\n`,
    )
  })

  test('that are not configured are none', async () => {
    expect(await stage.run('upstream', 'test', 'ghcr.io')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'entrepot: there is no upstream ghcr.io\n',
    })
  })

  test('whose helper fails name it', async () => {
    await helper.does('echo no such profile; exit 1')
    await using other = await MirrorStage.start(
      {
        PATH: `${helper.folder}${delimiter}${process.env['PATH']}`,
        ENTREPOT_UPSTREAMS__DOCKER_IO__CREDENTIALS__0__HELPER: 'test',
        ENTREPOT_UPSTREAMS__DOCKER_IO__CREDENTIALS__1__HELPER: 'absent',
      },
      { credentials: [{ username: 'alice', password: 'x' }] },
    )
    const { code, stderr } = await other.run('upstream', 'test', 'docker.io')
    expect(code).toBe(1)
    expect(stderr).toContain('docker-credential-test failed for 127.0.0.1:')
    expect(stderr).toContain('(exit 1): no such profile\n')
    expect(stderr).toContain('there is no docker-credential-absent on the PATH\n')
  })
})

test('a proxy is shown, and its credentials are nowhere', async () => {
  await using proxy = await HttpProxy.start({ credentials: 'bob:hush' })
  const HTTP_PROXY = `http://bob:hush@${proxy.url.host}`
  await using stage = await MirrorStage.start({ HTTP_PROXY }, { host: 'hub.test' })
  await stage.pull('library/alpine:3')
  const list = await stage.run('upstream', 'list')
  expect(rowsOf(list.stdout)).toMatchObject([{ PROXY: proxy.url.host, STATE: 'answers' }])
  const json = await stage.run('upstream', 'test', 'docker.io', '--json')
  const stats = await (await fetch(`${stage.adminUrl}/api/v1/stats`)).text()
  const config = await stage.run('config', 'print')
  expect(config.stdout).toContain('http: "[secret]"')
  const explained = await stage.run('config', 'explain', 'proxy.http')
  expect(explained.stdout).toContain('set by    HTTP_PROXY')
  const shown = [stage.output, json.stdout, stats, list.stdout, config.stdout, explained.stdout]
  expect(shown.join('')).not.toContain('hush')
  expect(proxy.asked.length).toBeGreaterThan(0)
})
