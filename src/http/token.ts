import type { Action, AccessTarget } from '../auth/access.ts'
import type { Authenticator } from '../auth/authenticator.ts'
import { TOKEN_TTL_MS } from '../auth/bearer-tokens.ts'
import { LoginError } from '../auth/login-error.ts'
import { ANONYMOUS, type Principal } from '../auth/principal.ts'
import { parseRepository, type Repository } from '../oci/reference.ts'
import { RegistryError } from '../oci/registry-error.ts'
import { answerJson, API_VERSION } from './answer.ts'
import type { Context } from './exchange.ts'
import { originOf, pathTo } from './origin.ts'
import { wholeBody } from './request-body.ts'

/** Below `/v2`, so that it is wherever the registry is. No repository can have the name. */
const TOKEN_PATH = '/v2/token'

export function isTokenPath(url: string): boolean {
  return url.startsWith(TOKEN_PATH) && /^(?:\?|$)/.test(url.slice(TOKEN_PATH.length))
}

const MAX_FORM_BYTES = 16 * 1024

/** The scopes that clients know; tokens of ours say who somebody is, whatever the scope. */
const SCOPE_OF = {
  pull: 'pull',
  push: 'pull,push',
  delete: 'delete',
  admin: '*',
} as const satisfies Record<Action, string>

/** What of a repository somebody wants to do. */
export interface Wanted extends AccessTarget {
  action: Action
}

/**
 * Sends a client to where tokens are. Basic would do for all clients but dockerd, which asks a
 * mirror nothing more after that, and sends to a registry only what `/v2/` has asked for.
 */
export function tokenChallenge(context: Context, wanted?: Wanted): string {
  const realm = `${originOf(context)}${pathTo(context)}${TOKEN_PATH}`
  const scope = wanted
    ? `,scope="repository:${wanted.upstream}/${wanted.repository}:${SCOPE_OF[wanted.action]}"`
    : ''
  return `Bearer realm="${realm}",service="entrepot"${scope}`
}

/** Whether a scope is something that everybody may have. */
type IsOpen = (name: Repository) => boolean

/**
 * GET and POST of the token server, as Docker's: by Basic, or by a form as in OAuth 2. Where all
 * that is asked for is open to everybody, credentials are not looked at: some clients send those of
 * the registry that is mirrored.
 */
export async function serveToken(
  context: Context,
  authenticator: Authenticator,
  isOpen: IsOpen,
): Promise<void> {
  context.state.exchange.challenge = 'Basic realm="entrepot"'
  const { method } = context
  if (method !== 'GET' && method !== 'POST') {
    throw new RegistryError('UNSUPPORTED', `${method} gives no token`, { allow: ['GET', 'POST'] })
  }
  const parameters = method === 'GET' ? queryOf(context) : await formOf(context)
  const scopes = parameters.getAll('scope').flatMap((text) => text.split(' ').filter(Boolean))
  const principal =
    scopes.length > 0 && scopes.every((scope) => isPullOf(scope, isOpen))
      ? ANONYMOUS
      : await principalOf(context, parameters, authenticator)
  if (principal.kind === 'user') context.state.exchange.principal = principal.name
  const token = await authenticator.issueToken(principal)
  const headers = { ...API_VERSION, 'Cache-Control': 'no-store' }
  const answer = { token, access_token: token, expires_in: TOKEN_TTL_MS / 1000 }
  answerJson(context, 200, headers, answer)
}

async function principalOf(
  context: Context,
  parameters: URLSearchParams,
  authenticator: Authenticator,
): Promise<Principal> {
  const { req, state } = context
  const { remote: address = '', signal } = state.exchange
  if (context.method === 'GET') {
    return authenticator.authenticate(req.headers.authorization, address, signal)
  }
  const [user, password] = [parameters.get('username'), parameters.get('password')]
  if (parameters.get('grant_type') !== 'password' || user === null || password === null) {
    throw new LoginError('a token takes grant_type=password')
  }
  return authenticator.login({ user, password }, address, signal)
}

function isPullOf(scope: string, isOpen: IsOpen): boolean {
  const [, name = ''] = /^repository:(.+):pull$/.exec(scope) ?? []
  const repository = parseRepository(name)
  return repository !== undefined && isOpen(repository)
}

function queryOf({ req: { url = '' } }: Context): URLSearchParams {
  const mark = url.indexOf('?')
  return new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1))
}

async function formOf(context: Context): Promise<URLSearchParams> {
  return new URLSearchParams(Buffer.from(await wholeBody(context, MAX_FORM_BYTES)).toString())
}
