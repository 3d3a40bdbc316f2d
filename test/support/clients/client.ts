import type { Outside } from '../outside.ts'

export interface ClientOptions {
  /** Where the mirror of docker.io is or will be: `127.0.0.1:PORT`. */
  mirror: string
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
 * A real container client that has one mirror for docker.io, with storage of its own. Names are
 * those of docker.io, with a tag or a digest: `library/app:1`, `library/app@sha256:…`.
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
  held(name: string): Promise<Held>
  /** Forgets every image, so that the next pull fetches everything. */
  empty(): Promise<void>
}

export type StartClient = (options: ClientOptions) => Promise<Client>
