import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { VERSION } from '../../src/version.ts'
import { runEntrepot, type Ended } from './run-entrepot.ts'

const VERSIONS = `the daemon is version 9.9.9, and this is ${VERSION}`

/** What a command makes of a daemon that describes itself, and answers all else in one way. */
async function ask(
  args: string[],
  [status, answer]: [number, object],
  description: object = { info: { version: '9.9.9' } },
): Promise<Ended> {
  const server = createServer((request, response) => {
    const isDescription = request.url === '/api/v1/openapi.json'
    response.writeHead(isDescription ? 200 : status, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify(isDescription ? description : answer))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { code, stdout, stderr } = await runEntrepot([...args, '--admin', url])
  server.close()
  return { code, stdout, stderr: stderr.replaceAll(url, 'URL') }
}

test.each<[string, number, string, string, number]>([
  ['a route', 404, 'NOT_FOUND', 'there is no /api/v1/stats/top here', 1],
  ['a parameter', 400, 'INVALID', 'Unrecognized key: "limit"', 64],
])('a daemon that knows no such %s tells its version', async (_, status, code, message, exit) => {
  expect(await ask(['top'], [status, { error: { code, message } }])).toEqual({
    code: exit,
    stdout: '',
    stderr: `entrepot: ${message}: ${VERSIONS}\n`,
  })
})

test('one of the same version is refused by what it says alone', async () => {
  const refusal = { error: { code: 'NOT_FOUND', message: 'there is none' } }
  const { stderr } = await ask(['top'], [404, refusal], { info: { version: VERSION } })
  expect(stderr).toBe('entrepot: there is none\n')
})

test.each([[['top']], [['top', '--json']]])(
  '%s: an answer that lacks something is told with the versions',
  async (args) => {
    expect(await ask(args, [200, {}])).toEqual({
      code: 1,
      stdout: '',
      stderr: `entrepot: what the daemon answers is not understood: ${VERSIONS}\n`,
    })
  },
)

test('an answer of something else is told as that', async () => {
  expect(await ask(['top'], [200, {}], {})).toEqual({
    code: 69,
    stdout: '',
    stderr: 'entrepot: what answers at URL is not the admin listener of entrepot (200)\n',
  })
})
