import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import { isUserName, parseHtpasswd, withPassword } from '../auth/htpasswd.ts'
import { UsageError } from './failure.ts'
import { print, printJson } from './output.ts'
import { askPassword } from './password-prompt.ts'
import { replaceFile } from './replace-file.ts'

/** What is longer bcrypt does not look at. */
const MAX_PASSWORD_BYTES = 72

interface Options {
  remove?: true
  json?: true
}

export function passwdCommand(): Command {
  return new Command('passwd')
    .description('Adds, changes or removes a user in a file of passwords: see auth.htpasswd.')
    .argument('<file>', 'The file; it is made where it is not there.')
    .argument('<user>', 'Whose password is asked for, or read from the standard input.')
    .option('--remove', 'Remove the user.')
    .option('--json', 'Print JSON.')
    .action(passwd)
}

async function passwd(file: string, user: string, { remove, json }: Options): Promise<void> {
  if (!isUserName(user)) throw new UsageError(`${user} cannot be the name of a user`)
  const hash = remove ? undefined : await hashOf(await readPassword())
  let wasThere = false
  await replaceFile(file, (before) => {
    wasThere = parseHtpasswd(before, file).has(user)
    if (remove && !wasThere) throw new UsageError(`${file} has no user ${user}`)
    return withPassword(before, user, hash)
  })
  const done = remove ? 'removed' : wasThere ? 'changed' : 'added'
  if (json) printJson({ file, user, done })
  else print(`${user} was ${done}; a daemon that runs with ${file} has seen it within a second`)
}

async function hashOf(password: string): Promise<string> {
  // The other commands are quicker without bcrypt.
  const { hashPassword } = await import('../auth/hash-password.ts')
  return hashPassword(password)
}

async function readPassword(): Promise<string> {
  const isTyped = process.stdin.isTTY
  const password = isTyped ? await askPassword() : (await text(process.stdin)).replace(/\r?\n$/, '')
  if (password === '') throw new UsageError('the password is empty')
  if (/\p{Cc}/u.test(password)) throw new UsageError('the password has a control character')
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) {
    throw new UsageError(`the password is longer than ${MAX_PASSWORD_BYTES} bytes`)
  }
  return password
}
