import { Access } from './auth/access.ts'
import { Authenticator } from './auth/authenticator.ts'
import { BearerTokens } from './auth/bearer-tokens.ts'
import { FailedLogins } from './auth/failed-logins.ts'
import { HtpasswdError } from './auth/htpasswd.ts'
import { PasswordChecker } from './auth/password-checker.ts'
import {
  PasswordFile,
  type PasswordFileOptions,
  UnreadPasswordsError,
} from './auth/password-file.ts'
import { ConfigError, type ConfigIssue } from './config/config-error.ts'
import type { LoadedConfig } from './config/load.ts'
import type { Config } from './config/schema.ts'
import type { LoginEvents } from './telemetry/login-events.ts'
import type { Clock } from './util/clock.ts'

/** Who may do what, and who is who. */
export interface Logins extends AsyncDisposable {
  access: Access
  /** `undefined` where nobody can log in. */
  authenticator: Authenticator | undefined
}

interface LoginConfig extends Pick<LoadedConfig, 'placeOf'> {
  config: Pick<Config, 'auth'>
}

/** Those of a configuration. Throws ConfigError where the file of passwords cannot be used. */
export async function openLogins(
  { config, placeOf }: LoginConfig,
  clock: Clock,
  events: LoginEvents,
): Promise<Logins> {
  const { htpasswd, ...rights } = config.auth
  const access = new Access(rights)
  const checker = new PasswordChecker()
  const authenticator =
    htpasswd === undefined
      ? undefined
      : new Authenticator({
          passwords: await openPasswords({ path: htpasswd, clock, events }, placeOf),
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
  options: PasswordFileOptions,
  placeOf: LoginConfig['placeOf'],
): Promise<PasswordFile> {
  try {
    return await PasswordFile.open(options)
  } catch (cause) {
    throw new ConfigError(issuesOf(cause, placeOf), { cause })
  }
}

function issuesOf(error: unknown, placeOf: LoginConfig['placeOf']): ConfigIssue[] {
  if (error instanceof UnreadPasswordsError) {
    const key = ['auth', 'htpasswd']
    return [{ ...placeOf(key), path: key.join('.'), message: error.message }]
  }
  if (!(error instanceof HtpasswdError)) throw error
  const place = { source: 'file' as const, file: error.file, path: '' }
  return error.faults.map((fault) => ({ ...place, ...fault }))
}
