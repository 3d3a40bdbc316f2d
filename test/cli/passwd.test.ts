import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compareSync } from 'bcryptjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseHtpasswd } from '../../src/auth/htpasswd.ts'
import { surroundings } from '../support/surroundings.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { haveTerminal } from './pseudo-terminal.ts'
import { ENTREPOT, type Ended, runEntrepot } from './run-entrepot.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let file: string

beforeEach(async () => {
  folder = await temporaryFolder()
  file = join(folder.path, 'users')
})
afterEach(() => folder[Symbol.asyncDispose]())

/** With a password on the standard input. */
async function passwd(password: string, ...args: string[]): Promise<Ended> {
  const child = spawn(ENTREPOT[0], [ENTREPOT[1], 'passwd', ...args])
  const ended = { code: 0, stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (ended.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (ended.stderr += chunk.toString()))
  child.stdin.end(password)
  const [code] = (await once(child, 'close')) as [number]
  return { ...ended, code }
}

async function isPassword(user: string, password: string): Promise<boolean> {
  const hash = parseHtpasswd(await readFile(file, 'utf8'), file).get(user)
  return hash !== undefined && compareSync(password, hash)
}

/** Gives an answer to each question on a terminal; returns all that would be seen there. */
async function typed(...answers: string[]): Promise<string> {
  const command = [...ENTREPOT, 'passwd', file, 'ci'].join(' ')
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: surroundings() })
  let output = ''
  let answered = 0
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    const asked = output.match(/(?:Password|Again): /g)?.length ?? 0
    while (answered < asked) child.stdin.write(answers[answered++] ?? '')
  })
  await once(child, 'close')
  return output
}

describe('a user', () => {
  test('is added, to a file that nobody else can read', async () => {
    const { code, stdout } = await passwd('a secret\n', file, 'ci')
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^ci was added;/)])
    expect(await isPassword('ci', 'a secret')).toBe(true)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  test('is changed and removed, while all else stays', async () => {
    await passwd('first', file, 'ci')
    const before = await readFile(file, 'utf8')
    await writeFile(file, `# the team\n${before}\n# others\n`)
    await chmod(file, 0o640)
    const changed = await passwd('second', file, 'ci', '--json')
    expect(JSON.parse(changed.stdout)).toEqual({ file, user: 'ci', done: 'changed' })
    expect(await isPassword('ci', 'second')).toBe(true)
    expect((await stat(file)).mode & 0o777).toBe(0o640)
    expect((await runEntrepot(['passwd', file, 'ci', '--remove'])).code).toBe(0)
    expect(await readFile(file, 'utf8')).toBe('# the team\n\n# others\n')
    expect(await readdir(folder.path)).toEqual(['users'])
  })

  test('is changed where a link leads to', async () => {
    await writeFile(file, '# here\n')
    const link = join(folder.path, 'link')
    await symlink(file, link)
    expect((await passwd('secret', link, 'ci')).code).toBe(0)
    expect(await isPassword('ci', 'secret')).toBe(true)
  })

  test.each([
    ['an empty password', '', 'ci', 'the password is empty'],
    ['one that bcrypt would cut', 'x'.repeat(73), 'ci', 'longer than 72 bytes'],
    ['one of several lines', 'a\nb', 'ci', 'control character'],
    ['a name that is none', 'secret', 'a:b', 'cannot be the name of a user'],
    ['a name with a meaning', 'secret', 'anonymous', 'cannot be the name of a user'],
  ])('is not added with %s', async (_, password, user, message) => {
    const { code, stderr } = await passwd(password, file, user)
    expect([code, stderr]).toEqual([64, expect.stringContaining(message)])
    expect(await readdir(folder.path)).toEqual([])
  })

  test('cannot be removed who is not there', async () => {
    const { code, stderr } = await runEntrepot(['passwd', file, 'ci', '--remove'])
    expect([code, stderr]).toEqual([64, `entrepot: ${file} has no user ci\n`])
  })

  test('is not added to a file that is something else', async () => {
    await writeFile(file, 'root:x:0:0:root:/root:/bin/sh\n')
    const { code, stderr } = await passwd('secret', file, 'ci')
    expect(code).toBe(1)
    expect(stderr).toContain(`${file}:1:6: expected a bcrypt hash`)
    expect(await readFile(file, 'utf8')).toBe('root:x:0:0:root:/root:/bin/sh\n')
  })
})

describe.runIf(haveTerminal())('on a terminal the password', () => {
  test('is asked for twice and not shown', async () => {
    const output = await typed('typed secret\r', 'typed secret\r')
    expect(output).toMatch(/^Password: \s+Again: \s+ci was added/)
    expect(await isPassword('ci', 'typed secret')).toBe(true)
  })

  test('has to be the same both times', async () => {
    expect(await typed('one\r', 'two\r')).toContain('entrepot: the passwords are not the same')
    expect(await readdir(folder.path)).toEqual([])
  })

  test('can be interrupted', async () => {
    expect(await typed('on\u0003')).toContain('entrepot: interrupted; nothing was changed')
    expect(await readdir(folder.path)).toEqual([])
  })
})
