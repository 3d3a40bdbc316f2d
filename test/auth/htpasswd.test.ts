import { hashSync } from 'bcryptjs'
import { describe, expect, test } from 'vitest'
import { HtpasswdError, parseHtpasswd, withPassword } from '../../src/auth/htpasswd.ts'

const HASH = hashSync('secret', 4)
/** As Apache's htpasswd -B writes it. */
const APACHE = HASH.replace('$2b$', '$2y$')

function faultsOf(text: string): string | undefined {
  try {
    parseHtpasswd(text, 'users')
  } catch (error) {
    if (error instanceof HtpasswdError) return error.message
    throw error
  }
  return undefined
}

describe('a file of passwords', () => {
  test('has users and hashes, with comments and empty lines between them', () => {
    const text = `# the team\nci:${HASH}\n\n  \r\ndev@example.com:${APACHE}\r\n#old:${HASH}\n`
    expect(Object.fromEntries(parseHtpasswd(text, 'users'))).toEqual({
      ci: HASH,
      'dev@example.com': APACHE,
    })
  })

  test.each([
    ['a crypt hash', `a:${HASH}\nci:rl.3StKT.4T8M`, 'users:2:4: expected a bcrypt hash'],
    ['an MD5 hash', 'ci:$apr1$x7$tTqpL0vrGDoZ4lKJZFPb/.', 'users:1:4: expected a bcrypt hash'],
    ['a plain password', 'ci:secret', 'users:1:4: expected a bcrypt hash'],
    ['a cost that takes minutes', `ci:${HASH.replace('$04$', '$31$')}`, 'users:1:4: expected a'],
    ['a hash that was cut', `ci:${HASH.slice(0, -1)}`, 'users:1:4: expected a bcrypt hash'],
    ['no user', `:${HASH}`, 'users:1:1: expected USER:HASH'],
    ['no colon', 'ci', 'users:1:1: expected USER:HASH'],
    ['a user with a space', `the ci:${HASH}`, 'users:1:1: expected USER:HASH'],
    ['the word for who has not logged in', `anonymous:${HASH}`, 'users:1:1: expected USER:HASH'],
    ['a user twice', `ci:${HASH}\nci:${HASH}`, 'users:2:1: ci is here twice'],
  ])('with %s is refused, without showing what it is', (_, text, fault) => {
    const message = faultsOf(text)
    expect(message).toContain(fault)
    expect(message).not.toMatch(/secret|\$/)
  })

  test('is refused with all that is wrong', () => {
    expect(faultsOf('a:b\nc')?.split('\n')).toHaveLength(2)
  })
})

describe('a changed file', () => {
  const text = `# the team\nci:${HASH}\n\n# others\ndev:${HASH}\n`

  test('keeps comments and order', () => {
    expect(withPassword(text, 'ci', APACHE)).toBe(text.replace(HASH, () => APACHE))
    expect(withPassword(text, 'qa', HASH)).toBe(`${text}qa:${HASH}\n`)
    expect(withPassword(text, 'dev', undefined)).toBe(`# the team\nci:${HASH}\n\n# others\n`)
  })

  test('may have been empty, or without an end to its last line', () => {
    expect(withPassword('', 'ci', HASH)).toBe(`ci:${HASH}\n`)
    expect(withPassword('# none', 'ci', HASH)).toBe(`# none\nci:${HASH}\n`)
  })

  test('is the same where who is to be removed was not there', () => {
    expect(withPassword(text, 'd', undefined)).toBe(text)
  })
})
