/** A user name with its password or access token. */
export interface PasswordCredentials {
  username: string
  password: string
}

/** What token servers give tokens for (OAuth2 refresh token); it is of no use as a password. */
interface IdentityCredentials {
  username: string
  identityToken: string
}

export type Credentials = PasswordCredentials | IdentityCredentials

/** Why credentials could not be had; never holds them. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError'
}

/** Where the credentials for one registry come from. Ending a wait ends no work for others. */
export interface CredentialProvider extends AsyncDisposable {
  /** What budget and statistics call them: the user name, or what is asked for it. */
  readonly label: string
  /**
   * Those that are good now, as far as is known; anonymous is `undefined`. What has to be asked for
   * is asked again before it is older than some minutes. Throws CredentialsError.
   */
  get(signal: AbortSignal): Promise<Credentials | undefined>
  /**
   * Others than those that the registry has refused; `undefined` where there are none. However
   * many are refused, the source is asked once, and not again within seconds. Throws CredentialsError.
   */
  renew(refused: Credentials, signal: AbortSignal): Promise<Credentials | undefined>
}

/** Whether both are the same for a registry. */
export function isSame(a: Credentials, b: Credentials | undefined): boolean {
  return b !== undefined && a.username === b.username && secretOf(a) === secretOf(b)
}

function secretOf(credentials: Credentials): string {
  return 'password' in credentials
    ? `password ${credentials.password}`
    : `token ${credentials.identityToken}`
}
