import { createServer } from 'node:http'
import { chown, mkdir, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Finding } from '../../src/doctor/finding.ts'
import { haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { startFakeHub } from '../support/fake-hub/fake-hub.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startTlsServer } from '../support/tls-server.ts'
import { MirrorStage } from './mirror-stage.ts'
import { runEntrepot } from './run-entrepot.ts'

const HOUR_MS = 3_600_000

/** Keeps the machine that the tests run on out of them. */
const SMALL = { ENTREPOT_EVICTION__MAX_SIZE: '1MiB', ENTREPOT_EVICTION__MIN_FREE: '1MiB' }

describe('doctor finds', () => {
  test('nothing wrong with a mirror that runs, and says who it is', async () => {
    await using stage = await MirrorStage.start(SMALL)
    const { host, port } = new URL(stage.url)
    const where = ['--data', stage.data, '--host', '127.0.0.1', '--port', port]
    const { code, stdout, stderr } = await stage.run('doctor', ...where)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain(
      `ok       ports         listen: http://${host}: a mirror listens there`,
    )
    expect(stdout).toMatch(/^ok {7}data {10}\S+ is in use by process \d+ on /m)
    expect(stdout).toMatch(/^ok {7}upstream {6}docker\.io answers at http:\S+$/m)
    expect(stdout).toMatch(/^ok {7}clock {9}the clock is that of the registries$/m)
    expect(stdout).not.toMatch(/^(warning|fault)/m)
  })

  test('a folder in which a mirror of another configuration works', async () => {
    await using stage = await MirrorStage.start(SMALL)
    const port = await freePort()
    const where = ['--data', stage.data, '--host', '127.0.0.1', '--port', `${port}`]
    const { code, stdout } = await stage.run('doctor', ...where)
    expect(code).toBe(1)
    expect(stdout).toMatch(
      new RegExp(
        `^fault {4}data {10}\\S+ is in use by process \\d+ on .*, ` +
          `which does not listen on port ${port}: it has another configuration\n` +
          ' +fix: stop it, name its configuration, or choose another `data`$',
        'm',
      ),
    )
  })

  test('each mistake of a configuration, with its place', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'm.yml')
    await writeFile(file, 'listen:\n  port: many\n')
    const { code, findings } = await doctor('--config', file)
    expect(code).toBe(1)
    expect(findings).toMatchObject([
      {
        part: 'config',
        level: 'fault',
        fix: 'see listen in docs/configuration.md; mirror.config.yml shows every key',
      },
    ])
    expect(findings[0]?.text).toContain(`${file}:2:3: listen.port: `)
  })

  test('a key that there is not, and sends nobody to look it up', async () => {
    const { faults } = await doctorIn({ evicton: {} })
    expect(faults).toMatchObject([
      { part: 'config', fix: 'see docs/configuration.md; mirror.config.yml shows every key' },
    ])
  })

  test('a configuration that is not there', async () => {
    await using folder = await temporaryFolder()
    const { faults } = await doctor('--config', join(folder.path, 'none.yml'))
    expect(faults).toMatchObject([
      { part: 'config', fix: 'name a file that you may read, with --config or ENTREPOT_CONFIG' },
    ])
  })

  test('a port that both listeners are to have', async () => {
    const port = await freePort()
    const { faults } = await doctorIn({ listen: { port }, admin: { port } })
    expect(faults).toMatchObject([
      {
        part: 'ports',
        text: `admin: port ${port} is that of listen too`,
        fix: 'choose another admin.port',
      },
    ])
  })

  test('a data folder that cannot be one', async () => {
    await using folder = await temporaryFolder()
    const data = join(folder.path, 'data')
    await writeFile(data, '')
    const { faults } = await doctorIn({ data })
    expect(faults).toMatchObject([{ part: 'data', fix: 'name a folder in `data`: this is a file' }])
    expect(faults[0]?.text).toContain(`cannot write to ${data}: ENOTDIR`)
  })

  test('an audit log that cannot be made, without which the mirror does not start', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'log', 'audit.log')
    const { faults } = await doctorIn({ audit: { file } })
    expect(faults).toMatchObject([
      {
        part: 'audit',
        text: `cannot write to ${file} (ENOENT): the mirror does not start`,
        fix: `install -d -o ${process.getuid?.()} ${join(folder.path, 'log')}`,
      },
    ])
    await mkdir(join(folder.path, 'log'))
    expect((await doctorIn({ audit: { file } })).findings).toContainEqual({
      part: 'audit',
      level: 'ok',
      text: `${file} can be written`,
      fix: null,
    })
    await mkdir(file)
    expect((await doctorIn({ audit: { file } })).faults).toMatchObject([
      { text: `cannot write to ${file} (EISDIR): the mirror does not start` },
    ])
  })

  test.skipIf(!haveOpenssl())('a certificate of a registry that is not believed', async () => {
    await using folder = await temporaryFolder()
    await using registry = await startTlsServer(makeCertificates(join(folder.path, 'pem')))
    const url = registry.at('127.0.0.1').href
    const { faults } = await doctorIn({ upstreams: { 'docker.io': { url } } })
    expect(faults).toMatchObject([
      {
        part: 'upstream',
        text: expect.stringContaining('its certificate is not believed') as string,
        fix: 'name the authority that made it in upstreams.docker.io.tls.ca, and look at upstreams.docker.io.url',
      },
    ])
  })

  test('who else listens on a port', async () => {
    await using other = await serverWith({})
    const { code, stderr, faults } = await doctorIn({
      listen: { host: '127.0.0.1', port: other.port },
    })
    expect(code).toBe(1)
    expect(stderr).toBe('entrepot: 1 fault found\n')
    expect(faults).toMatchObject([
      {
        part: 'ports',
        text: `listen: http://127.0.0.1:${other.port}: another program listens there`,
        fix: expect.stringContaining(`sport = :${other.port}`) as string,
      },
    ])
  })

  test('an address that the machine does not have', async () => {
    const { faults } = await doctorIn({ listen: { host: '192.0.2.1', port: 5000 } })
    expect(faults.map(({ text }) => text)).toEqual([
      'listen: http://192.0.2.1:5000 cannot be listened on (EADDRNOTAVAIL)',
    ])
  })

  test('credentials that a registry does not take, and where to correct them', async () => {
    await using hub = await startFakeHub({ credentials: [{ username: 'alice', password: 'x' }] })
    const credentials = [{ username: 'alice', password: 'old-one' }]
    const { faults } = await doctorIn({ upstreams: { 'docker.io': { url: hub.url, credentials } } })
    expect(faults).toMatchObject([
      {
        part: 'upstream',
        text: expect.stringMatching(/does not take the credentials$/) as string,
        fix: 'look at upstreams.docker.io.credentials: they may be wrong or have ended',
      },
    ])
  })

  test.each([
    [2 * HOUR_MS, 'fault', 'behind'],
    [-2 * HOUR_MS, 'fault', 'ahead of'],
    [60_000, 'warning', 'behind'],
  ])('a clock against which a registry’s is %d ms ahead', async (skewMs, level, where) => {
    const date = new Date(Date.now() + skewMs).toUTCString()
    await using registry = await serverWith({ date })
    const url = `http://127.0.0.1:${registry.port}`
    const { findings } = await doctorIn({ upstreams: { 'docker.io': { url } } })
    const clock = findings.find(({ part }) => part === 'clock')
    expect(clock).toMatchObject({ level, fix: expect.stringContaining('set-ntp') as string })
    expect(clock?.text).toMatch(
      new RegExp(`^the clock is (?:\\d+[hms]){1,3} ${where} those of the registries$`),
    )
  })

  test('a disk that is smaller than what may be kept', async () => {
    const { code, findings } = await doctorIn({ eviction: { maxSize: '500TiB' } })
    expect(code).toBe(0)
    expect(findings.filter(({ level }) => level === 'warning')).toMatchObject([
      { part: 'data', fix: expect.stringContaining('lower eviction.maxSize') as string },
    ])
  })

  test('a token that can be guessed, and does not tell it', async () => {
    const { findings } = await doctorIn({ admin: { port: 0, token: 'hush' } })
    expect(findings.filter(({ level }) => level === 'warning')).toMatchObject([
      { part: 'admin', text: 'admin.token has 4 characters, and can be guessed' },
    ])
    expect(JSON.stringify(findings)).not.toContain('hush')
  })

  test.runIf(process.getuid?.() === 0)('files that another user has left', async () => {
    await using folder = await temporaryFolder()
    const data = join(folder.path, 'data')
    const file = join(data, 'inventory.db')
    await mkdir(data)
    await writeFile(file, '')
    await chown(file, 4711, 4711)
    const { faults } = await doctorIn({ data })
    expect(faults).toMatchObject([
      {
        part: 'data',
        text: `${file} belongs to user 4711, the folder to user 0`,
        fix: `chown -R 0 ${data}`,
      },
    ])
  })
})

test('doctor --client looks at the files of a client in place of the mirror', async () => {
  await using stage = await MirrorStage.start(SMALL)
  await using root = await temporaryFolder()
  const where = ['doctor', '--client', 'docker', '--root', root.path, '--url', stage.url]
  const before = await stage.run(...where)
  expect(before).toMatchObject({ code: 1, stderr: 'entrepot: 1 fault found\n' })
  expect(before.stdout).toMatch(
    /^fault {4}client {8}there is no \S+\/etc\/docker\/daemon\.json\n +fix: /,
  )
  const { stdout: keys } = await stage.run('client', 'docker', '--url', stage.url)
  await mkdir(join(root.path, 'etc/docker'), { recursive: true })
  await writeFile(join(root.path, 'etc/docker/daemon.json'), keys)
  const after = await stage.run(...where)
  expect(after).toMatchObject({ code: 0, stderr: '' })
  expect(after.stdout).toContain(`the mirror answers at ${stage.url}`)
})

/** Asks about a configuration that is well but for what is given. */
async function doctorIn(config: object) {
  await using folder = await temporaryFolder()
  await using hub = await startFakeHub()
  const well = {
    data: folder.path,
    listen: { port: await freePort() },
    admin: { port: 0 },
    eviction: { maxSize: '1MiB' },
    upstreams: { 'docker.io': { url: hub.url } },
  }
  const file = join(folder.path, 'm.yml')
  const minFree = { minFree: '1MiB' }
  const { eviction = {}, ...rest } = config as { eviction?: object }
  const all = { ...well, ...rest, eviction: { ...well.eviction, ...minFree, ...eviction } }
  await writeFile(file, JSON.stringify(all))
  return await doctor('--config', file)
}

async function doctor(...args: string[]) {
  const { code, stdout, stderr } = await runEntrepot(['doctor', '--json', ...args])
  const findings = JSON.parse(stdout) as Finding[]
  return { code, stderr, findings, faults: findings.filter(({ level }) => level === 'fault') }
}

/** Answers everything with 200 and these headers. */
async function serverWith(headers: Record<string, string>) {
  const server = createServer((_, response) => response.writeHead(200, headers).end('hello'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
