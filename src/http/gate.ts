import type { Access, Action, AccessTarget } from '../auth/access.ts'
import type { Authenticator } from '../auth/authenticator.ts'
import { ANONYMOUS, type Principal } from '../auth/principal.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { Context } from './exchange.ts'
import { tokenChallenge } from './token.ts'

export interface GateOptions {
  access: Access
  /** `undefined` where nobody can log in. */
  authenticator: Authenticator | undefined
}

/** Who may come in, and for what. Nothing is looked up before: a refusal says nothing of what is there. */
export class Gate {
  readonly #access: Access
  readonly #authenticator: Authenticator | undefined

  constructor({ access, authenticator }: GateOptions) {
    this.#access = access
    this.#authenticator = authenticator
  }

  get authenticator(): Authenticator | undefined {
    return this.#authenticator
  }

  allows(principal: Principal, action: Action, target: AccessTarget): boolean {
    return this.#access.allows(principal, action, target)
  }

  /**
   * Who asks; wrong credentials throw LoginError, even where none are needed.
   * What is sent where nobody can log in means nothing.
   */
  async #identify(context: Context): Promise<Principal> {
    const { authorization } = context.req.headers
    if (!this.#authenticator || authorization === undefined) return ANONYMOUS
    const { exchange } = context.state
    exchange.challenge = tokenChallenge(context)
    const principal = await this.#authenticator.authenticate(
      authorization,
      exchange.remote ?? '',
      exchange.signal,
    )
    if (principal.kind === 'user') exchange.principal = principal.name
    return principal
  }

  /**
   * Who asks, for what is different for each: who says nothing is asked for a login, or a token for
   * everybody, where there are logins. It is the only time when dockerd listens.
   */
  async ask(context: Context): Promise<Principal> {
    if (this.#authenticator && context.req.headers.authorization === undefined) {
      context.state.exchange.challenge = tokenChallenge(context)
      throw new RegistryError('UNAUTHORIZED', 'a login, or a token for everybody, is needed')
    }
    return this.#identify(context)
  }

  /** For content of ours: lets through who may, and throws RegistryError `UNAUTHORIZED` or `DENIED` at others. */
  async admit(context: Context, action: Action, target: AccessTarget): Promise<Principal> {
    const principal = await this.#identify(context)
    if (this.allows(principal, action, target)) {
      if (principal.kind === 'anonymous' && action !== 'pull') refusePages(context)
      return principal
    }
    if (principal.kind === 'anonymous' && this.#authenticator) {
      context.state.exchange.challenge = tokenChallenge(context, { action, ...target })
      throw new RegistryError('UNAUTHORIZED', `it takes a login to ${action} this`)
    }
    const who = principal.kind === 'user' ? principal.name : 'without a login one'
    const name = `${target.upstream}/${target.repository}`
    throw new RegistryError('DENIED', `${who} may not ${action} ${name}: see auth.rules`)
  }

  /**
   * The same for what is mirrored. Where everybody may pull it credentials are not looked at: some
   * clients send those of the registry that is mirrored.
   */
  async admitPull(context: Context, target: AccessTarget): Promise<void> {
    if (!this.allows(ANONYMOUS, 'pull', target)) await this.admit(context, 'pull', target)
  }
}

/**
 * A page of anybody can send requests to where only its reader's browser gets, under a name that
 * is made to lead here too. Clients of registries do not say what browsers have to.
 */
function refusePages({ req: { headers } }: Context): void {
  if (headers.origin === undefined && headers['sec-fetch-site'] === undefined) return
  throw new RegistryError('DENIED', 'a page in a browser may not change anything without a login')
}
