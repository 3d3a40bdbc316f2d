import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { type ConfigSources, loadConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** A file's text stands in for its name. */
type Sources = Omit<ConfigSources, 'file'> & { text?: string }

async function load({ text, ...sources }: Sources = {}): Promise<Config> {
  if (text === undefined) return (await loadConfig({ environment: {}, ...sources })).config
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, text)
  return (await loadConfig({ environment: {}, ...sources, file })).config
}

async function upstreamsOf(sources: Sources): Promise<Config['upstreams']> {
  return (await load(sources)).upstreams
}

/** What is wrong, one line each, with `m.yml` for the path of the file. */
async function faultsOf(sources: Sources): Promise<string[]> {
  const error: unknown = await load(sources).then(
    () => undefined,
    (failure: unknown) => failure,
  )
  if (!(error instanceof ConfigError)) throw new Error('no ConfigError', { cause: error })
  return error.message.split('\n').map((line) => line.replace(/^\S*\/m\.yml:/, 'm.yml:'))
}

describe('the configuration', () => {
  test('is made of what the file says and of defaults', async () => {
    const config = await load({
      text: 'listen: { port: 80 }\nupstreams: { docker.io: { tags: { freshFor: 1h30m } } }',
    })
    expect(config.listen).toMatchObject({ host: '0.0.0.0', port: 80 })
    expect(config.upstreams['docker.io']?.tags.freshForMs).toBe(5_400_000)
    expect(config.upstreams['docker.io']?.tags.staleForMs).toBe(2_592_000_000)
  })

  test('believes a flag before a variable, a variable before the file', async () => {
    const text = 'listen: { port: 1, host: 127.0.0.1 }\nlog: { level: warn }'
    const environment = { ENTREPOT_LISTEN__PORT: '2', ENTREPOT_LISTEN__HOST: '::1' }
    const flags = [{ flag: '--port', path: ['listen', 'port'], text: '3' }]
    const config = await load({ text, environment, flags })
    expect(config.listen).toMatchObject({ port: 3, host: '::1' })
    expect(config.log.level).toBe('warn')
  })

  test('takes numbers and items of lists from variables', async () => {
    const environment = {
      ENTREPOT_EVICTION__HIGH_WATERMARK: '0.9',
      ENTREPOT_EVICTION__PINS__0: 'docker.io/library/node:22*',
    }
    const { eviction } = await load({ environment })
    expect(eviction.highWatermark).toBe(0.9)
    expect(eviction.pins).toEqual(['docker.io/library/node:22*'])
  })

  test('comes from the file that ENTREPOT_CONFIG names', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'm.yml')
    await writeFile(file, 'listen: { port: 80 }')
    const loaded = await loadConfig({ environment: { ENTREPOT_CONFIG: file } })
    expect(loaded.config.listen.port).toBe(80)
    expect(loaded.file).toBe(file)
  })

  test('takes paths of the file from where the file is', async () => {
    await using folder = await temporaryFolder()
    await mkdir(join(folder.path, 'etc'))
    await writeFile(join(folder.path, 'etc/token'), 'hunter2\n')
    const file = join(folder.path, 'etc/m.yml')
    await writeFile(file, 'data: ../cache\nadmin: { token: { file: token } }')
    const { config } = await loadConfig({ file, environment: {} })
    expect(config.data).toBe(join(folder.path, 'cache'))
    expect(config.admin.token?.reveal()).toBe('hunter2')
    const moved = await loadConfig({ file, environment: { ENTREPOT_DATA: 'x' } })
    expect(moved.config.data).toBe(resolve('x'))
  })

  test('shows what is in force, each value with who decided', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'm.yml')
    await writeFile(file, 'admin:\n  token: hunter2\n  port: 7\n')
    const loaded = await loadConfig({
      file,
      environment: { ENTREPOT_LISTEN__HOST: '::1' },
      flags: [{ flag: '--port', path: ['listen', 'port'], text: '3' }],
    })
    expect(loaded.effective).toMatchObject({
      listen: { host: '::1', port: 3 },
      admin: { token: '[secret]' },
      upstreams: {
        'docker.io': { url: 'https://registry-1.docker.io', tags: { staleFor: '30d' } },
      },
    })
    expect(loaded.originOf(['listen', 'port'])).toEqual({ source: 'flag', flag: '--port' })
    expect(loaded.originOf(['listen', 'host'])).toMatchObject({ variable: 'ENTREPOT_LISTEN__HOST' })
    expect(loaded.originOf(['admin', 'port'])).toEqual({ source: 'file', file, line: 3, column: 3 })
    expect(loaded.originOf(['admin', 'host'])).toEqual({ source: 'default' })
  })
})

describe('upstreams', () => {
  test('of the file replace the default one; variables add to what is there', async () => {
    const text = 'upstreams: { ghcr.io: {} }'
    const environment = { ENTREPOT_UPSTREAMS__QUAY_IO__URL: 'https://quay.io' }
    expect(Object.keys(await upstreamsOf({ text }))).toEqual(['ghcr.io'])
    expect(Object.keys(await upstreamsOf({ environment })).sort()).toEqual(['docker.io', 'quay.io'])
  })

  test('answer at their own name where no URL is given', async () => {
    const { 'ghcr.io': ghcr, 'r:5000': other } = await upstreamsOf({
      text: 'upstreams: { ghcr.io: {default: true}, "r:5000": {prefix: team/r} }',
    })
    expect(ghcr).toMatchObject({ url: new URL('https://ghcr.io'), prefix: 'ghcr.io' })
    expect(other).toMatchObject({ url: new URL('https://r:5000'), prefix: 'team/r' })
  })

  test.each([
    ['the only one', '{ ghcr.io: {} }', 'ghcr.io'],
    ['the one that is marked', '{ docker.io: {}, ghcr.io: { default: true } }', 'ghcr.io'],
    ['docker.io where none is marked', '{ ghcr.io: {}, docker.io: {} }', 'docker.io'],
  ])('have as their default %s', async (_, upstreams, name) => {
    const resolved = await upstreamsOf({ text: `upstreams: ${upstreams}` })
    expect(Object.keys(resolved).filter((key) => resolved[key]?.default)).toEqual([name])
  })

  test.each([
    [
      'two defaults',
      '{ a.io: { default: true }, b.io: { default: true } }',
      '1:47: upstreams.b.io.default: a.io is the default already',
    ],
    ['no default', '{ a.io: {}, b.io: {} }', '1:1: upstreams: expected one default'],
    [
      'docker.io ruled out',
      '{ docker.io: { default: false }, b.io: {} }',
      '1:1: upstreams: expected one default',
    ],
    ['none at all', '{}', '1:1: upstreams: expected at least one upstream'],
    [
      'one host twice',
      '{ docker.io: { hosts: [m.io] }, b.io: { default: true, hosts: [M.io] } }',
      '1:75: upstreams.b.io.hosts.0: m.io chooses docker.io already',
    ],
    [
      'a prefix that cannot be told from the registry',
      '{ docker.io: { prefix: a/v2/b } }',
      '1:27: upstreams.docker.io.prefix: v2 is where the registry begins',
    ],
    [
      'one prefix twice',
      '{ docker.io: {}, b.io: { prefix: docker.io } }',
      '1:37: upstreams.b.io.prefix: docker.io chooses docker.io already',
    ],
    [
      'a name in capitals',
      '{ Docker.io: {} }',
      '1:14: upstreams.Docker.io: expected the name of a registry, for example ghcr.io or registry.example.com:5000',
    ],
  ])('are refused with %s', async (_, upstreams, fault) => {
    expect(await faultsOf({ text: `upstreams: ${upstreams}` })).toEqual([`m.yml:${fault}`])
  })
})

describe('what is wrong', () => {
  test('is told all at once, each with its place', async () => {
    const text = [
      'listen: { prt: 80, host: "a b" }',
      'log:',
      '  level: loud',
      'posted: { enabled: true }',
      'data: 5',
      'store: file',
    ].join('\n')
    const environment = { ENTREPOT_LOG__FORMAT: 'xml', ENTREPOT_LISTN__PORT: '1' }
    const flags = [{ flag: '--port', path: ['listen', 'port'], text: '-1' }]
    expect(await faultsOf({ text, environment, flags })).toEqual([
      'm.yml:1:11: listen.prt: unknown key; did you mean port?',
      'm.yml:1:20: listen.host: expected a host name or an IP address',
      'm.yml:3:3: log.level: expected trace, debug, info, warn, error, or fatal',
      'm.yml:4:1: posted: unknown key; did you mean hosted?',
      'm.yml:5:1: data: expected a path',
      'm.yml:6:1: store: expected a map',
      '--port: listen.port: expected a port from 0 to 65535',
      'ENTREPOT_LOG__FORMAT: log.format: expected auto, pretty, or json',
      'ENTREPOT_LISTN__PORT: unknown variable; did you mean ENTREPOT_LISTEN__PORT?',
    ])
  })

  test.each([
    ['listen: { port: 65536 }', '1:11: listen.port: expected a port from 0 to 65535'],
    ['listen: { port: "80" }', '1:11: listen.port: expected a port from 0 to 65535'],
    ['listen: { port: 1.5 }', '1:11: listen.port: expected a port from 0 to 65535'],
    ['listen:', '1:1: listen: expected a map'],
    ['- listen', '1:1: expected a map'],
    [
      'upstreams: { ghcr.io: { deny: ["ghcr.io/Team"] } }',
      '1:32: upstreams.ghcr.io.deny.0: expected a pattern without a registry such as library/node:22*, team/** or **',
    ],
    [
      'eviction: { pins: ["library/node:22*"] }',
      '1:20: eviction.pins.0: begins with no registry, as docker.io/library/node:22* does',
    ],
    ['__proto__: { port: 1 }', '1:1: __proto__: unknown key'],
    [
      'admin: { token: { fil: x } }',
      '1:10: admin.token: expected a text, ${env:NAME} or {file: PATH}',
    ],
    ...['open sesame', 'сезам'].map((token): [string, string] => [
      `admin: { token: "${token}" }`,
      '1:10: admin.token: expected ASCII characters without spaces',
    ]),
    ['admin: { token: "" }', '1:10: admin.token: expected a text, ${env:NAME} or {file: PATH}'],
    [
      'admin: { token: "${env:NOPE}" }',
      '1:10: admin.token: the environment variable NOPE is not set',
    ],
  ])('is told of %s', async (text, fault) => {
    expect(await faultsOf({ text })).toEqual([`m.yml:${fault}`])
  })

  test.each([
    ['every: 7', 'every: expected a duration such as 30s, 5m or 1h30m'],
    ['every: 0s', 'every: expected more than 0'],
    ['rate: 50', 'rate: expected a number of bytes such as 512KiB, 50MiB or 1.5GiB'],
    ['rate: 50MB', 'rate: expected a number of bytes such as 512KiB, 50MiB or 1.5GiB'],
    ['rate: 0.5B', 'rate: is no whole number of bytes'],
    ['rate: 0B', 'rate: expected more than 0'],
  ])('is told of a scrub with %s', async (text, fault) => {
    expect(await faultsOf({ text: `scrub: { ${text} }` })).toEqual([
      expect.stringMatching(new RegExp(`^m\\.yml:1:\\d+: scrub\\.${fault}$`)),
    ])
  })

  test.each([
    ['maxSize: 0B', 'maxSize: expected more than 0'],
    ['maxSize: 50G', 'maxSize: expected a number of bytes such as 512KiB, 50MiB or 1.5GiB'],
    ['highWatermark: 0', 'highWatermark: expected a share, more than 0 and at most 1'],
    ['highWatermark: 95', 'highWatermark: expected a share, more than 0 and at most 1'],
    ['lowWatermark: 0.95', 'lowWatermark: expected less than highWatermark'],
    ['ttl: 0s', 'ttl: expected more than 0'],
    ['every: 0s', 'every: expected more than 0'],
    ['pins: "**"', 'pins: expected a list'],
    [
      'pins: ["node:22"]',
      'pins.0: expected a pattern such as docker.io/library/node:22*, ghcr.io/team/** or **',
    ],
  ])('is told of an eviction with %s', async (text, fault) => {
    const [line, ...others] = await faultsOf({ text: `eviction: { ${text} }` })
    expect(line).toMatch(/^m\.yml:1:\d+: /)
    expect(line).toContain(`eviction.${fault}`)
    expect(others).toEqual([])
  })

  test.each([
    ['url: ftp://a', 'url: expected an http or https URL'],
    ['url: registry', 'url: expected an http or https URL'],
    ['url: https://user:pw@a', 'url: credentials do not belong in the URL: see credentials'],
    ['url: https://a?b=c', 'url: a URL with a query or a fragment does not name a registry'],
    ['prefix: Team', 'prefix: expected a repository path or a host name, in lower case'],
    ['prefix: /team', 'prefix: expected a repository path or a host name, in lower case'],
    ['prefix: team/../x', 'prefix: expected a repository path or a host name, in lower case'],
    ['tags: { freshFor: 5 }', 'tags.freshFor: expected a duration such as 30s, 5m or 1h30m'],
    ['tags: { freshFor: 999999999d }', 'tags.freshFor: is too long'],
    ['tags: { onAbsent: keep }', 'tags.onAbsent: expected serve or drop'],
    ['default: "yes"', 'default: expected true or false'],
    ['credentials: { username: a }', 'credentials: expected a list'],
    [
      'credentials: [{ username: a }]',
      'credentials.0.password: expected a text, ${env:NAME} or {file: PATH}',
    ],
    ['credentials: [{ password: a }]', 'credentials.0.username: expected a user name'],
    [
      'credentials: [{ username: a, password: a }, { username: a, password: b }]',
      'credentials.1.username: a is there twice',
    ],
  ])('is told of an upstream with %s', async (text, fault) => {
    const [line, ...others] = await faultsOf({ text: `upstreams: { docker.io: { ${text} } }` })
    expect(line).toMatch(/^m\.yml:1:\d+: upstreams\.docker\.io\./)
    expect(line).toContain(`upstreams.docker.io.${fault}`)
    expect(others).toEqual([])
  })

  test('is told by the nearest variable where a part is missing', async () => {
    const environment = { ENTREPOT_UPSTREAMS__DOCKER_IO__CREDENTIALS__0__USERNAME: 'team' }
    expect(await faultsOf({ environment })).toEqual([
      'ENTREPOT_UPSTREAMS__DOCKER_IO__CREDENTIALS__0__USERNAME: ' +
        'upstreams.docker.io.credentials.0.password: expected a text, ${env:NAME} or {file: PATH}',
    ])
  })

  test('never shows a secret', async () => {
    const password = "'${hunter2'"
    const text = `upstreams: { docker.io: { credentials: [{ username: a, password: ${password} }] } }`
    expect((await faultsOf({ text })).join()).not.toContain('hunter2')
  })

  test('is told of a file that is not there', async () => {
    const error: unknown = await loadConfig({ file: 'none.yml', environment: {} }).catch(
      (failure: unknown) => failure,
    )
    expect(error).toBeInstanceOf(ConfigError)
    expect(String(error)).toBe('ConfigError: none.yml: no such file')
    expect((error as ConfigError).issues).toEqual([
      { source: 'file', file: 'none.yml', path: '', message: 'no such file' },
    ])
  })
})

test('a file that cannot be read is told as such', async () => {
  const reading = loadConfig({ file: '.', environment: {} })
  await expect(reading).rejects.toThrow(/^\.: cannot be read \(EISDIR\)$/)
})

describe('the admin listener', () => {
  test.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])(
    'needs no token on %s',
    async (host) => {
      const config = await load({ flags: [{ flag: '--x', path: ['admin', 'host'], text: host }] })
      expect(config.admin.token).toBeUndefined()
    },
  )

  test.each(['0.0.0.0', '::', '10.0.0.1', 'mirror.example.com', '::ffff:10.0.0.1'])(
    'needs a token or a client certificate on %s',
    async (host) => {
      const text = `admin: { host: "${host}" }`
      expect(await faultsOf({ text })).toEqual([
        'm.yml:1:10: admin.host: an admin listener that others can reach needs admin.token ' +
          'or admin.tls.clientCa',
      ])
      const environment = { ENTREPOT_ADMIN__TOKEN: 'hunter2' }
      expect((await load({ text, environment })).admin.token?.reveal()).toBe('hunter2')
    },
  )
})

test('a token given by file in the environment takes the place of the one in the file', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'token')
  await writeFile(file, 'hunter2')
  const environment = { ENTREPOT_ADMIN__TOKEN__FILE: file }
  const config = await load({ text: 'admin: { token: old }', environment })
  expect(config.admin.token?.reveal()).toBe('hunter2')
})
