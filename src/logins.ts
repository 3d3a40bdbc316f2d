import { Access } from './auth/access.ts'
import { Authenticator } from './auth/authenticator.ts'
import { BearerTokens } from './auth/bearer-tokens.ts'
import { FailedLogins } from './auth/failed-logins.ts'
import { HtpasswdError } from './auth/htpasswd.ts'
import { PasswordChecker } from './auth/password-checker.ts'
import { PasswordFile } from './auth/password-file.ts'
import { ConfigError } from './config/config-error.ts'
import type { Config } from './config/schema.ts'
import type { LoginEvents } from './telemetry/login-events.ts'
import type { Clock } from './util/clock.ts'

/** Who may do what, and who is who. */
export interface Logins extends AsyncDisposable {
  access: Access
  /** `undefined` where nobody can log in. */
  authenticator: Authenticator | undefined
}

/** Those of a configuration. Throws ConfigError where the file of passwords cannot be used. */
export async function openLogins(
  { auth: { htpasswd, ...rights } }: Pick<Config, 'auth'>,
  clock: Clock,
  events: LoginEvents,
): Promise<Logins> {
  const access = new Access(rights)
  const checker = new PasswordChecker()
  const authenticator =
    htpasswd === undefined
      ? undefined
      : new Authenticator({
          passwords: await openPasswords(htpasswd, clock, events),
          checker,
          tokens: new BearerTokens(clock),
          failures: new FailedLogins(clock),
          clock,
          events,
        })
  return {
    access,
    authenticator,
    [Symbol.asyncDispose]: () => checker[Symbol.asyncDispose](),
  }
}

async function openPasswords(
  path: string,
  clock: Clock,
  events: LoginEvents,
): Promise<PasswordFile> {
  try {
    return await PasswordFile.open({ path, clock, events })
  } catch (error) {
    if (!(error instanceof HtpasswdError)) throw error
    const place = { source: 'file' as const, file: error.file, path: '' }
    throw new ConfigError(
      error.faults.map((fault) => ({ ...place, ...fault })),
      { cause: error },
    )
  }
}
