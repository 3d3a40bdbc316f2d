import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { runEntrepot } from './run-entrepot.ts'

async function writeConfig(folder: { path: string }, text: string): Promise<string> {
  const file = join(folder.path, 'm.yml')
  await writeFile(file, text)
  return file
}

describe('config check', () => {
  test('says so when all is well', async () => {
    await using folder = await temporaryFolder()
    const file = await writeConfig(folder, 'listen: { port: 80 }')
    expect(await runEntrepot(['config', 'check', file])).toEqual({
      code: 0,
      stdout: `${file}: valid\n`,
      stderr: '',
    })
  })

  test('ends with 78 and tells everything that is wrong', async () => {
    await using folder = await temporaryFolder()
    const file = await writeConfig(folder, 'listen:\n  prt: 80\nlog: { level: loud }\n')
    const ended = await runEntrepot(['config', 'check', file], { ENTREPOT_DATE: 'x' })
    expect(ended).toEqual({
      code: 78,
      stdout: '',
      stderr: [
        `${file}:2:3: listen.prt: unknown key; did you mean port?`,
        `${file}:3:8: log.level: expected trace, debug, info, warn, error, or fatal`,
        'ENTREPOT_DATE: unknown variable; did you mean ENTREPOT_DATA?',
        '',
      ].join('\n'),
    })
  })

  test('tells programs where to look', async () => {
    await using folder = await temporaryFolder()
    const file = await writeConfig(folder, 'listen:\n  prt: 80\n')
    const { code, stdout } = await runEntrepot(['config', 'check', file, '--json'])
    expect(code).toBe(78)
    expect(JSON.parse(stdout)).toEqual({
      valid: false,
      issues: [
        {
          source: 'file',
          file,
          line: 2,
          column: 3,
          path: 'listen.prt',
          message: 'unknown key; did you mean port?',
        },
      ],
    })
  })
})

describe('config print', () => {
  test('prints a file that means the same, without secrets', async () => {
    await using folder = await temporaryFolder()
    const file = await writeConfig(
      folder,
      'listen: { port: 80 }\nupstreams: { ghcr.io: {}, "r:5000": { default: true, prefix: team } }\n',
    )
    const first = await runEntrepot(['config', 'print', '--config', file])
    const printed = await writeConfig(folder, first.stdout)
    const second = await runEntrepot(['config', 'print', '--config', printed])
    expect(first.stdout).toContain('port: 80')
    expect(second).toEqual(first)
  })

  test('hides secrets, and what it prints in their place is no secret', async () => {
    await using folder = await temporaryFolder()
    const file = await writeConfig(folder, 'admin: { token: hunter2 }\n')
    const { stdout } = await runEntrepot(['config', 'print', '--config', file])
    expect(stdout).toContain('token: "[secret]"')
    expect(stdout).not.toContain('hunter2')
    const printed = await writeConfig(folder, stdout)
    const { code, stderr } = await runEntrepot(['config', 'check', printed])
    expect(code).toBe(78)
    expect(stderr).toContain('admin.token: [secret] is what a printed config shows instead')
  })

  test('prints JSON', async () => {
    const { stdout } = await runEntrepot(['config', 'print', '--json', '--port', '81'])
    expect(JSON.parse(stdout)).toMatchObject({ listen: { port: 81 }, log: { level: 'info' } })
  })
})

describe('config explain', () => {
  test('tells all about a key', async () => {
    const env = { ENTREPOT_LISTEN__PORT: '81' }
    expect((await runEntrepot(['config', 'explain', 'listen.port'], env)).stdout).toBe(
      [
        'listen.port',
        '  Port on which clients reach the mirror; 0 takes any free one.',
        '  type      port',
        '  default   5000',
        '  variable  ENTREPOT_LISTEN__PORT',
        '  value     81',
        '  set by    ENTREPOT_LISTEN__PORT',
        '',
      ].join('\n'),
    )
  })

  test('tells which flag or which line of the file has set a value', async () => {
    await using folder = await temporaryFolder()
    const file = await writeConfig(folder, '\nlisten: { host: localhost }\n')
    const { stdout } = await runEntrepot(['config', 'explain', '--config', file, '--port', '81'])
    expect(stdout).toMatch(/^listen\.port +81 {2}\(--port\)$/m)
    expect(stdout).toMatch(/^listen\.host +localhost {2}\(.*m\.yml:2:11\)$/m)
    expect(stdout).toMatch(/^admin\.token +- {2}\(default\)$/m)
  })

  test('tells about a section, for programs too', async () => {
    const { stdout } = await runEntrepot([
      'config',
      'explain',
      'upstreams.docker.io.tags',
      '--json',
    ])
    const explanations = JSON.parse(stdout) as { key: string }[]
    expect(explanations.map(({ key }) => key)).toEqual(
      ['freshFor', 'staleFor', 'absentFor', 'onAbsent', 'refreshAhead', 'hold', 'holdExcept.0'].map(
        (key) => `upstreams.docker.io.tags.${key}`,
      ),
    )
  })

  test('knows when a key was misspelt', async () => {
    expect(await runEntrepot(['config', 'explain', 'listen.prt'])).toEqual({
      code: 64,
      stdout: '',
      stderr: 'entrepot: unknown key listen.prt; did you mean listen.port?\n',
    })
  })
})

test('config schema prints a JSON Schema', async () => {
  const { stdout } = await runEntrepot(['config', 'schema'])
  expect(JSON.parse(stdout)).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    properties: { listen: { properties: { port: { default: 5000, type: 'integer' } } } },
  })
})

describe('a wrong call', () => {
  test.each([
    [['bogus']],
    [['config', 'bogus']],
    [['config', 'check', 'a', 'b']],
    [['serve', '--x']],
    [[]],
  ])('ends with 64: %j', async (args) => {
    const { code, stderr } = await runEntrepot(args)
    expect(code).toBe(64)
    expect(stderr).not.toBe('')
  })

  test('is not what asking for help or the version is', async () => {
    expect((await runEntrepot(['--help'])).code).toBe(0)
    expect(await runEntrepot(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
    })
  })
})
