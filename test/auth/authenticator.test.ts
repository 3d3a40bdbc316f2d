import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { assert, asyncProperty, oneof, string, tuple, uint8Array } from 'fast-check'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { Authenticator } from '../../src/auth/authenticator.ts'
import { BearerTokens, TOKEN_TTL_MS } from '../../src/auth/bearer-tokens.ts'
import { FailedLogins } from '../../src/auth/failed-logins.ts'
import { PasswordChecker } from '../../src/auth/password-checker.ts'
import { PasswordFile } from '../../src/auth/password-file.ts'
import { ANONYMOUS } from '../../src/auth/principal.ts'
import { LoginEvents } from '../../src/telemetry/login-events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const HOME = '192.0.2.1'
const SIGNAL = new AbortController().signal
const CI = { kind: 'user', name: 'ci' }
const HASH = hashSync('secret', 4)

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

class CountingChecker extends PasswordChecker {
  checks = 0
  costs = new Set<string>()

  override isRight(password: string, hash: string): Promise<boolean> {
    this.checks++
    this.costs.add(hash.slice(0, 7))
    return super.isRight(password, hash)
  }
}

async function startRig() {
  await using parts = new AsyncDisposableStack()
  const folder = parts.use(await temporaryFolder())
  const path = join(folder.path, 'users')
  await writeFile(path, `ci:${HASH}\n`)
  const lines: string[] = []
  const metrics = new Metrics()
  const clock = new FakeClock()
  const logger = pino({ level: 'debug' }, { write: (line) => void lines.push(line) })
  const events = new LoginEvents(logger, metrics)
  const checker = parts.use(new CountingChecker())
  const tokens = new BearerTokens(clock)
  const passwords = await PasswordFile.open({ path, clock, events })
  const failures = new FailedLogins(clock)
  const authenticator = new Authenticator({ passwords, checker, tokens, failures, clock, events })
  const running = parts.move()
  return {
    clock,
    checker,
    authenticator,
    lines,
    metrics,
    tokens,
    failures,
    authenticate: (header: string | undefined) => authenticator.authenticate(header, HOME, SIGNAL),
    /** As `entrepot passwd` does it, and the daemon has looked since. */
    async rewrite(text: string) {
      await writeFile(`${path}.new`, text)
      await rename(`${path}.new`, path)
      clock.advance(1_000)
    },
    remove: async () => {
      await rm(path)
      clock.advance(1_000)
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  }
}

describe('a password', () => {
  test('that is right tells who it is', async () => {
    await using rig = await startRig()
    expect(await rig.authenticate(basic('ci', 'secret'))).toEqual(CI)
    expect(rig.metrics.logins.total('outcome', 'accepted')).toBe(1)
  })

  test('may have colons and any letters', async () => {
    await using rig = await startRig()
    await rig.rewrite(`ci:${hashSync('a:ß:c', 4)}\n`)
    expect(await rig.authenticate(basic('ci', 'a:ß:c'))).toEqual(CI)
  })

  test.each([
    ['wrong', basic('ci', 'guess')],
    ['of nobody', basic('secret', 'secret')],
    ['empty', basic('ci', '')],
    ['without a user', `Basic ${Buffer.from('secret').toString('base64')}`],
    ['in a form that nobody knows', 'Digest username="ci"'],
    ['left out', 'Basic'],
  ])('that is %s is refused, and not told', async (_, header) => {
    await using rig = await startRig()
    await expect(rig.authenticate(header)).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    expect(rig.lines.join('')).not.toMatch(/guess|secret/)
  })

  test('is checked once, however often it comes, and for a while after', async () => {
    await using rig = await startRig()
    const header = basic('ci', 'secret')
    await Promise.all(Array.from({ length: 20 }, () => rig.authenticate(header)))
    rig.clock.advance(299_000)
    await rig.authenticate(header)
    expect(rig.checker.checks).toBe(1)
    rig.clock.advance(1_000)
    await rig.authenticate(header)
    expect(rig.checker.checks).toBe(2)
  })

  test('of a user that is not there is checked all the same', async () => {
    await using rig = await startRig()
    await rig.authenticate(basic('nobody', 'secret')).catch(() => undefined)
    expect(rig.checker.checks).toBe(1)
  })

  test('of a user that is not there costs as much as that of any who is', async () => {
    await using rig = await startRig()
    await rig.rewrite(`ci:${HASH}\ndev:${hashSync('secret', 5)}\n`)
    const costOf = async (number: number) => {
      rig.checker.costs.clear()
      const header = basic(`nobody-${number}`, 'secret')
      const login = rig.authenticator.authenticate(header, `192.0.2.${number}`, SIGNAL)
      await expect(login).rejects.toThrow('wrong')
      return [...rig.checker.costs].join()
    }
    const costs: string[] = []
    for (let number = 0; number < 40; number++) costs.push(await costOf(number))
    expect(new Set(costs)).toEqual(new Set(['$2b$04$', '$2b$05$']))
    expect(await costOf(0)).toBe(costs[0])
  })

  test('is remembered no longer for a clock that is put back', async () => {
    await using rig = await startRig()
    await rig.authenticate(basic('ci', 'secret'))
    rig.clock.putBack(3_600_000)
    await rig.authenticate(basic('ci', 'secret'))
    expect(rig.checker.checks).toBe(2)
  })

  test('that was changed while the clock was put back holds no longer', async () => {
    await using rig = await startRig()
    rig.clock.putBack(3_600_000)
    await rig.rewrite(`ci:${hashSync('other', 4)}\n`)
    expect(await rig.authenticate(basic('ci', 'other'))).toEqual(CI)
  })

  test('that was changed holds no longer, the new one does', async () => {
    await using rig = await startRig()
    await rig.authenticate(basic('ci', 'secret'))
    await rig.rewrite(`ci:${hashSync('other', 4)}\n`)
    await expect(rig.authenticate(basic('ci', 'secret'))).rejects.toThrow('wrong')
    expect(await rig.authenticate(basic('ci', 'other'))).toEqual(CI)
  })

  test('stays while the file is wrong or gone, which is told once', async () => {
    await using rig = await startRig()
    for (const spoil of [() => rig.rewrite('ci:plain\n'), () => rig.remove()]) {
      await spoil()
      expect(await rig.authenticate(basic('ci', 'secret'))).toEqual(CI)
      rig.clock.advance(1_000)
      expect(await rig.authenticate(basic('ci', 'secret'))).toEqual(CI)
    }
    expect(rig.lines.filter((line) => line.includes('were not read again'))).toHaveLength(2)
  })

  test('is not looked at after too many that were wrong', async () => {
    await using rig = await startRig()
    for (let time = 0; time < 5; time++) {
      await rig.authenticate(basic('ci', `guess ${time}`)).catch(() => undefined)
    }
    const slowed = rig.authenticate(basic('ci', 'secret'))
    await expect(slowed).rejects.toMatchObject({ code: 'TOOMANYREQUESTS', retryAfterMs: 1_000 })
    expect(rig.checker.checks).toBe(5)
    expect(rig.metrics.logins.total('outcome', 'failed')).toBe(5)
    expect(rig.metrics.logins.total('outcome', 'slowed')).toBe(1)
    rig.clock.advance(1_000)
    expect(await rig.authenticate(basic('ci', 'secret'))).toEqual(CI)
  })

  test('that is remembered is no way to find out which are wrong', async () => {
    await using rig = await startRig()
    await rig.authenticate(basic('ci', 'secret'))
    for (let time = 0; time < 5; time++) rig.failures.add(HOME, 'ci')
    for (const password of ['secret', 'guess']) {
      const slowed = rig.authenticate(basic('ci', password))
      await expect(slowed).rejects.toMatchObject({ code: 'TOOMANYREQUESTS' })
    }
  })

  test('that is remembered is not slowed down by what others fail at the address', async () => {
    await using rig = await startRig()
    await rig.authenticate(basic('ci', 'secret'))
    for (let time = 0; time < 20; time++) rig.failures.add(HOME, `user-${time}`)
    expect(await rig.authenticate(basic('ci', 'secret'))).toEqual(CI)
    const guesses = Array.from({ length: 10 }, (_, time) => basic('ci', `guess ${time}`))
    for (const guess of guesses) await rig.authenticate(guess).catch(() => undefined)
    await expect(rig.authenticate(basic('ci', 'secret'))).rejects.toThrow('too many')
  })

  test('is one of one guess at a time, after too many that were wrong', async () => {
    await using rig = await startRig()
    for (let time = 0; time < 5; time++) rig.failures.add(HOME, 'ci')
    rig.clock.advance(1_000)
    const guesses = Array.from({ length: 10 }, (_, time) =>
      rig.authenticate(basic('ci', `guess ${time}`)).catch((error: { code: string }) => error.code),
    )
    const codes = await Promise.all(guesses)
    expect(codes.filter((code) => code === 'UNAUTHORIZED')).toHaveLength(1)
    expect(rig.checker.checks).toBe(1)
  })

  test.each([
    ['longer than any', 'u'.repeat(256)],
    ['with a space', 'a user'],
    ['empty', ''],
  ])('of a user with a name that is %s costs nothing', async (_, user) => {
    await using rig = await startRig()
    await expect(rig.authenticate(basic(user, 'secret'))).rejects.toThrow('wrong')
    expect(rig.checker.checks).toBe(0)
    expect(rig.metrics.logins.total('outcome', 'failed')).toBe(1)
  })

  test('is refused while many others are checked', async () => {
    await using rig = await startRig()
    const logins = Array.from({ length: 40 }, (_, user) =>
      rig.authenticate(basic(`user-${user}`, 'x')).catch((error: { code: string }) => error.code),
    )
    const codes = await Promise.all(logins)
    expect(codes.filter((code) => code === 'TOOMANYREQUESTS')).toHaveLength(8)
  })
})

test('whatever is shown is refused, and never a failure', async () => {
  await using rig = await startRig()
  const base64 = uint8Array({ maxLength: 300 }).map((bytes) =>
    Buffer.from(bytes).toString('base64'),
  )
  const pair = tuple(string(), string()).map(([user, password]) => basic(user, password))
  const headers = oneof(
    string(),
    pair,
    base64.map((text) => `Basic ${text}`),
    tuple(base64, base64).map(([payload, signature]) => `Bearer ${payload}.${signature}`),
  )
  let number = 0
  const check = asyncProperty(headers, async (header) => {
    const address = `192.0.2.${number++ % 250}`
    const login = rig.authenticator.authenticate(header, address, SIGNAL)
    await expect(login).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  })
  await assert(check, { numRuns: 100 })
})

describe('a token', () => {
  test('tells who it was given to', async () => {
    await using rig = await startRig()
    const token = await rig.authenticator.issueToken({ kind: 'user', name: 'ci' })
    expect(await rig.authenticate(`Bearer ${token}`)).toEqual(CI)
    const anonymous = await rig.authenticator.issueToken(ANONYMOUS)
    expect(await rig.authenticate(`bearer ${anonymous}`)).toEqual(ANONYMOUS)
    expect(rig.checker.checks).toBe(0)
  })

  test('holds longer than clients are told, but not for ever', async () => {
    await using rig = await startRig()
    const token = `Bearer ${await rig.authenticator.issueToken(ANONYMOUS)}`
    rig.clock.advance(TOKEN_TTL_MS)
    expect(await rig.authenticate(token)).toEqual(ANONYMOUS)
    rig.clock.advance(60_000)
    await expect(rig.authenticate(token)).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  })

  test('holds no longer for a clock that is put back, but for a moment', async () => {
    await using rig = await startRig()
    const token = `Bearer ${await rig.authenticator.issueToken(ANONYMOUS)}`
    rig.clock.putBack(1_000)
    expect(await rig.authenticate(token)).toEqual(ANONYMOUS)
    rig.clock.putBack(3_600_000)
    await expect(rig.authenticate(token)).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  })

  test.each([
    ['whose user is gone', '# nobody\n'],
    ['whose user has another password', `ci:${hashSync('other', 4)}\n`],
  ])('%s holds no longer', async (_, text) => {
    await using rig = await startRig()
    const token = await rig.authenticator.issueToken({ kind: 'user', name: 'ci' })
    await rig.rewrite(text)
    await expect(rig.authenticate(`Bearer ${token}`)).rejects.toThrow('not valid')
  })

  test('of another process, changed or made up is none', async () => {
    await using rig = await startRig()
    const entries = new Map([['ci', HASH]])
    const theirs = new BearerTokens(rig.clock).issue({ kind: 'user', name: 'ci' }, entries)
    const ours = rig.tokens.issue(ANONYMOUS, entries)
    const [, signature] = ours.split('.')
    for (const token of [theirs, `${theirs.split('.')[0]}.${signature}`, 'x', 'x.y', '.', 'e30.']) {
      expect(rig.tokens.principalOf(token, entries)).toBeUndefined()
    }
  })
})
