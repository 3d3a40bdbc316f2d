import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { RunningProcess } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { ENTREPOT, runEntrepot } from './run-entrepot.ts'
import { lineOf, spawnMirror } from './spawned-mirror.ts'

describe('serve', () => {
  test('answers clients until SIGTERM, and ends with 0', async () => {
    await using folder = await temporaryFolder()
    await using mirror = spawnMirror(join(folder.path, 'data'))
    const {
      address,
      adminAddress,
      data,
      'registry-mirrors': mirrors,
    } = await lineOf(mirror, 'started')
    expect((await fetch(`http://${address}/v2/`)).status).toBe(200)
    expect((await fetch(`http://${adminAddress}/api/v1/stats`)).status).toBe(200)
    expect(data).toBe(join(folder.path, 'data'))
    expect(mirrors).toEqual([`http://${address}`])
    mirror.kill('SIGTERM')
    expect(await mirror.exited).toEqual({ code: 0, signal: null })
    expect(mirror.output).toContain('"msg":"stopped"')
  })

  test('ends with 0 on SIGINT too', async () => {
    await using folder = await temporaryFolder()
    await using mirror = spawnMirror(join(folder.path, 'data'))
    await lineOf(mirror, 'started')
    mirror.kill('SIGINT')
    expect(await mirror.exited).toEqual({ code: 0, signal: null })
  })

  test('opens its audit log again on SIGHUP, and goes on', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'audit.log')
    await using mirror = spawnMirror(join(folder.path, 'data'), { ENTREPOT_AUDIT__FILE: path })
    const { address } = await lineOf(mirror, 'started')
    const pull = async () => {
      const answer = await fetch(
        `http://${address}/v2/unknown.example/app/manifests/1?ns=x.example`,
      )
      expect(answer.status).toBe(404)
    }
    await pull()
    await eventually('a line', async () => (await linesIn(path)) === 1)
    await rename(path, `${path}.1`)
    mirror.kill('SIGHUP')
    await eventually('a new file', async () => (await linesIn(path)) === 0 && existsSync(path))
    await pull()
    await eventually('a line in it', async () => (await linesIn(path)) === 1)
    expect(await linesIn(`${path}.1`)).toBe(1)
    mirror.kill('SIGTERM')
    expect(await mirror.exited).toEqual({ code: 0, signal: null })
  })

  test('does not end on SIGHUP where there is no audit log', async () => {
    await using folder = await temporaryFolder()
    await using mirror = spawnMirror(join(folder.path, 'data'))
    const { address } = await lineOf(mirror, 'started')
    mirror.kill('SIGHUP')
    mirror.kill('SIGHUP')
    expect((await fetch(`http://${address}/v2/`)).status).toBe(200)
    mirror.kill('SIGTERM')
    expect(await mirror.exited).toEqual({ code: 0, signal: null })
  })

  test('shows people the line to paste', async () => {
    await using folder = await temporaryFolder()
    const port = await freePort()
    const env = { ENTREPOT_LOG__FORMAT: 'pretty', ENTREPOT_LISTEN__HOST: '0.0.0.0' }
    const args = ['serve', '--port', String(port), '--data', folder.path]
    await using mirror = new RunningProcess([...ENTREPOT, ...args], {
      env: { ENTREPOT_ADMIN__PORT: '0', ...env },
    })
    await eventually('the line', () => mirror.output.includes('registry-mirrors'))
    expect(mirror.output).toContain(`"registry-mirrors": ["http://localhost:${port}"]`)
    expect(mirror.output).toContain('docker.io (default)')
    expect(mirror.output).toContain(folder.path)
  })

  test('waits on SIGTERM for answers that are on their way, but not after a second signal', async () => {
    await using folder = await temporaryFolder()
    await using upstream = await startSilentRegistry()
    const env = { ENTREPOT_UPSTREAMS__DOCKER_IO__URL: upstream.url }
    await using mirror = spawnMirror(join(folder.path, 'data'), env)
    const { address } = await lineOf(mirror, 'started')
    const answer = fetch(`http://${address}/v2/library/alpine/manifests/latest`).then(
      (response) => response.status,
      () => 'cut',
    )
    await upstream.asked
    mirror.kill('SIGTERM')
    await lineOf(mirror, 'stopping')
    expect((await fetch(`http://${address}/v2/`).catch(() => undefined))?.status).toBeUndefined()
    expect(mirror.exit).toBeUndefined()
    mirror.kill('SIGINT')
    expect(await mirror.exited).toEqual({ code: 0, signal: null })
    expect(await answer).toBe('cut')
  })
})

describe('serve does not start', () => {
  test('with a wrong configuration', async () => {
    expect(await runEntrepot(['serve', '--port', '65536', '--log-level', 'loud'])).toEqual({
      code: 78,
      stdout: '',
      stderr: [
        '--port: listen.port: expected a port from 0 to 65535',
        '--log-level: log.level: expected trace, debug, info, warn, error, or fatal',
        '',
      ].join('\n'),
    })
  })

  test('with a file of users that is not there, or is wrong', async () => {
    await using folder = await temporaryFolder()
    const users = join(folder.path, 'users')
    const config = join(folder.path, 'm.yml')
    await writeFile(config, 'data: data\nauth:\n  htpasswd: users\n')
    const serving = (env = {}) => runEntrepot(['serve', '--config', config], env)
    const missing = `auth.htpasswd: cannot read ${users} (ENOENT)\n`
    expect(await serving()).toEqual({ code: 78, stdout: '', stderr: `${config}:3:3: ${missing}` })
    expect((await serving({ ENTREPOT_AUTH__HTPASSWD: users })).stderr).toBe(
      `ENTREPOT_AUTH__HTPASSWD: ${missing}`,
    )
    await writeFile(users, '# the team\nci:secret\n')
    expect((await serving()).stderr).toContain(`${users}:2:4: expected a bcrypt hash`)
  })

  test('on a port that is in use', async () => {
    await using folder = await temporaryFolder()
    await using other = await startSilentRegistry()
    const args = ['serve', '--host', '127.0.0.1', '--port', String(other.port)]
    const env = { ENTREPOT_ADMIN__PORT: '0', ENTREPOT_DATA: folder.path }
    const { code, stderr } = await runEntrepot(args, env)
    expect(code).toBe(1)
    expect(stderr).toBe(
      `entrepot: listen EADDRINUSE: address already in use 127.0.0.1:${other.port}\n`,
    )
  })

  test('on a data folder that another process holds', async () => {
    await using folder = await temporaryFolder()
    await using mirror = spawnMirror(folder.path)
    await lineOf(mirror, 'started')
    const args = ['serve', '--host', '127.0.0.1', '--port', '0', '--data', folder.path]
    const { code, stderr } = await runEntrepot(args, { ENTREPOT_ADMIN__PORT: '0' })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      new RegExp(`^entrepot: ${folder.path} is in use by process ${mirror.pid} on .*\\n$`),
    )
  })
})

/** None where there is no such file. */
async function linesIn(file: string): Promise<number> {
  return (await readFile(file, 'utf8').catch(() => '')).split('\n').length - 1
}

/** A registry that takes requests and never answers. */
async function startSilentRegistry(): Promise<
  AsyncDisposable & { url: string; port: number; asked: Promise<unknown> }
> {
  const server = createServer(() => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    asked: once(server, 'request'),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
