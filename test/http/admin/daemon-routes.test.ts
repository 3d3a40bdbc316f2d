import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ConfigReport, ErrorEntry, ErrorList } from '../../../src/admin-daemon.ts'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import { jsonOf, type LiveMirror, startLiveMirror } from './live-mirror.ts'

const PASSWORD = 'geheimnis'

describe('of itself the daemon tells', () => {
  let mirror: LiveMirror

  beforeAll(async () => {
    mirror = await startLiveMirror({
      ENTREPOT_UPSTREAMS__DOWN_TEST__URL: `http://127.0.0.1:${await freePort()}`,
      ENTREPOT_UPSTREAMS__DOWN_TEST__CREDENTIALS__0__USERNAME: 'alice',
      ENTREPOT_UPSTREAMS__DOWN_TEST__CREDENTIALS__0__PASSWORD: PASSWORD,
      ENTREPOT_UPSTREAMS__DOCKER_IO__DEFAULT: 'true',
    })
  })

  afterAll(() => mirror[Symbol.asyncDispose]())

  test('what it was started with, by whom, and no secret', async () => {
    const answer = await mirror.ask('config')
    const { file, keys } = jsonOf(answer) as ConfigReport
    expect(file).toBeNull()
    const byKey = new Map(keys.map((one) => [one.key, one]))
    expect(byKey.get('data')).toMatchObject({
      value: mirror.data,
      origin: { source: 'env', variable: 'ENTREPOT_DATA' },
    })
    expect(byKey.get('eviction.maxSize')).toMatchObject({
      value: '50GiB',
      default: '50GiB',
      origin: { source: 'default' },
    })
    expect(byKey.get('upstreams.down.test.credentials.0.password')?.value).toBe('[secret]')
    expect(answer.body.toString()).not.toContain(PASSWORD)
  })

  test('what has gone wrong, with the reason', async () => {
    const pull = await fetch(`${mirror.url}/v2/down.test/app/manifests/1`)
    expect(pull.status).toBeGreaterThanOrEqual(500)
    const [failed, text] = await eventually('it is told', async () => {
      const answer = await mirror.ask('errors')
      const { errors } = jsonOf(answer) as ErrorList
      const found = errors.find(({ message }) => message === 'request')
      return found && ([found, answer.body.toString()] as const)
    })
    expect(failed).toEqual({
      level: 'warn',
      message: 'request',
      count: 1,
      firstAt: failed.lastAt,
      lastAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
      details: {
        request: expect.objectContaining({
          upstream: 'down.test',
          repository: 'app',
          status: pull.status,
        }) as object,
        error: expect.stringContaining('ECONNREFUSED') as string,
      },
    } satisfies ErrorEntry)
    expect(text).not.toContain(PASSWORD)
  })
})
