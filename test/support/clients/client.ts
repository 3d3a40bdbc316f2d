import type { ClientFile } from '../../../src/cli/client/client-setup.ts'
import type { Outside } from '../outside.ts'

export interface ClientOptions {
  mirror: {
    /** What `entrepot client` prints. */
    clientFiles(client: string): Promise<ClientFile[]>
  }
  outside: Outside
}

/** What a client has of an image, read back out of its own storage. */
interface Held {
  /** The digests under which it knows the image: of the index, or of its own platform's manifest. */
  roots: readonly string[]
  /** Digests of the bytes that it gives back. */
  contents: ReadonlySet<string>
}

/**
 * A real container client, set up as the mirror says, with storage of its own. Names have a tag or
 * a digest, and are docker.io's where they begin with no registry: `library/app:1`,
 * `ghcr.io/owner/app@sha256:…`.
 */
export interface Client extends AsyncDisposable {
  readonly name: string
  /**
   * `artifacts`: it keeps every manifest, config and compressed layer, of all platforms.
   * `unpacked`: it keeps the config and the uncompressed layers of this machine's platform.
   */
  readonly keeps: 'artifacts' | 'unpacked'
  /** Throws CommandFailed with what the client said. */
  pull(name: string): Promise<void>
  /** Pushes what it has pulled, under another name. */
  push(name: string, as: string): Promise<void>
  held(name: string): Promise<Held>
  /** Forgets every image, so that the next pull fetches everything. */
  empty(): Promise<void>
}

/** A client that keeps credentials of its own. */
export interface LoginClient extends Client {
  /** Throws CommandFailed where the registry refuses them; a client that does not ask it fails later. */
  login(registry: string, user: string, password: string): Promise<void>
}

/** With the registry in front. */
export function fullName(name: string): string {
  const [first = ''] = name.split('/', 1)
  return /[.:]/.test(first) ? name : `docker.io/${name}`
}

/** For a registry on loopback, which has no certificate. */
export function plainHttp(name: string, flag: string): string[] {
  return name.startsWith('127.0.0.1') ? [flag] : []
}

export type StartClient = (options: ClientOptions) => Promise<Client>
