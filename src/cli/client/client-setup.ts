/** The mirror as clients know it. */
export interface ClientMirror {
  /** Where clients reach it; without a path. */
  url: URL
  upstreams: readonly ClientUpstream[]
}

export interface ClientUpstream {
  /** The registry as image names spell it. */
  name: string
  prefix: string
  isDefault: boolean
}

export interface ClientFile {
  path: string
  content: string
}

/** A way on which a client asks the mirror for what it wants of an upstream. */
export interface ClientRoute {
  upstream: string
  /** What stands in front of the repository: `/v2`, `/v2/ghcr.io`, `/docker.io/v2`. */
  root: string
  /** What the client names in every request as the registry that it means. */
  ns: string | undefined
}

/** All that makes a client use the mirror. */
export interface ClientSetup {
  files: ClientFile[]
  /** What else is to be known or done, a line each. */
  notes: string[]
  routes: ClientRoute[]
}

export const DOCKER_HUB = 'docker.io'

/**
 * The mirror as it stands in front of a repository in an image's name: there, a name without a dot
 * or a port would be a user of Docker Hub.
 */
export function registryHost({ host, hostname, protocol }: URL): string {
  if (/[.:]/.test(host) || hostname === 'localhost') return host
  return `${host}:${protocol === 'http:' ? 80 : 443}`
}

/** Names of repositories have no room for a port, which a prefix may have that is a registry's name. */
export function fitsIntoNames({ prefix }: ClientUpstream): boolean {
  return !prefix.includes(':')
}

/** For upstreams that a client which knows nothing but names cannot reach. */
export function unreachableNote({ name }: ClientUpstream): string {
  return `${name} cannot be pulled by a prefix with a port: give it another \`prefix\` in the configuration.`
}

export function isPlainHttp({ protocol }: URL): boolean {
  return protocol === 'http:'
}
