import type { CredentialProvider, Credentials } from './credentials.ts'

/** The same ones for ever; anonymous where there are none. */
export class FixedCredentials implements CredentialProvider {
  readonly #credentials: Credentials | undefined

  constructor(credentials: Credentials | undefined) {
    this.#credentials = credentials
  }

  get label(): string {
    return this.#credentials?.username ?? 'anonymous'
  }

  get(): Promise<Credentials | undefined> {
    return Promise.resolve(this.#credentials)
  }

  renew(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}
