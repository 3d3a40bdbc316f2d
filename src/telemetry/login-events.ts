import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

export interface LoginEvent {
  /** Where the file has one of that name: people also type passwords where names belong. */
  user: string | undefined
  address: string
}

/** What happens about logins. Neither passwords nor what was sent in their place is ever told. */
export class LoginEvents {
  readonly #logger: Logger
  readonly #metrics: Metrics

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger
    this.#metrics = metrics
  }

  /** Credentials were checked and are right; those that are remembered are not told again. */
  accepted(event: LoginEvent): void {
    this.#metrics.logins.add(1, 'accepted')
    this.#logger.debug(event, 'login accepted')
  }

  failed(event: LoginEvent): void {
    this.#metrics.logins.add(1, 'failed')
    this.#logger.warn(event, 'login failed')
  }

  /** Was not looked at, because too many had failed. */
  slowed(event: LoginEvent & { waitMs: number }): void {
    this.#metrics.logins.add(1, 'slowed')
    this.#logger.warn(event, 'login slowed down')
  }

  /** Logged only: the file has changed. */
  passwordsRead(event: { file: string; users: number }): void {
    this.#logger.info(event, 'passwords read again')
  }

  /** The file has changed, but cannot be used: what it was before holds on. */
  passwordsKept(event: { file: string; error: unknown }): void {
    this.#metrics.failures.add(1, 'auth', 'read-passwords')
    this.#logger.error(event, 'passwords were not read again')
  }
}
