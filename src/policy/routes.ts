import type { Repository } from '../oci/reference.ts'
import type { Source } from '../oci/source.ts'

export interface RouteUpstream {
  /** The registry as image names spell it, for example `docker.io`. */
  name: string
  /** Path prefix that chooses it: `/v2/<prefix>/<repository>`. */
  prefix: string
  isDefault: boolean
  source: Source
}

/** From a request to who answers it. */
export interface Route {
  upstream: string
  source: Source
  /** As the upstream knows it. */
  repository: Repository
  /** What chose the upstream; with `prefix` the client has no origin to fall back to. */
  via: 'default' | 'ns' | 'prefix'
}

/** What of a request decides its route. */
export interface Routable {
  /** The name in the path. */
  repository: Repository
  ns: string | undefined
}

const DOCKER_HUB = 'docker.io'
/** Hosts of Docker Hub that a client may name instead. */
const DOCKER_HUB_HOSTS = [DOCKER_HUB, 'registry-1.docker.io', 'index.docker.io']

/** The table of upstreams; it never leads to one that is not configured. */
export class Routes {
  readonly #default: RouteUpstream | undefined
  readonly #byName = new Map<string, RouteUpstream>()
  readonly #byPrefix: { start: string; upstream: RouteUpstream }[]

  constructor(upstreams: RouteUpstream[]) {
    this.#default = upstreams.find((upstream) => upstream.isDefault)
    for (const upstream of upstreams) {
      for (const host of hostsOf(upstream.name)) this.#byName.set(host, upstream)
    }
    this.#byPrefix = upstreams
      .map((upstream) => ({ start: `${upstream.prefix}/`, upstream }))
      .sort((a, b) => b.start.length - a.start.length)
  }

  /** `undefined` where the request leads to no upstream of ours: the client is to ask the origin. */
  find({ repository, ns }: Routable): Route | undefined {
    if (ns !== undefined) {
      const upstream = this.#byName.get(ns)
      return upstream && routeTo(upstream, withoutOwnHost(repository, upstream), 'ns')
    }
    for (const { start, upstream } of this.#byPrefix) {
      if (repository.startsWith(start)) {
        return routeTo(upstream, repository.slice(start.length), 'prefix')
      }
    }
    return this.#default && routeTo(this.#default, repository, 'default')
  }
}

function hostsOf(name: string): string[] {
  return name === DOCKER_HUB ? DOCKER_HUB_HOSTS : [name]
}

/**
 * containerd with `override_path` sends both the prefix and `ns`. Only a prefix that looks like a
 * host is taken off: with any other, `docker.io/team/app` behind prefix `team` would become another image.
 */
function withoutOwnHost(repository: string, { prefix }: RouteUpstream): string {
  const start = `${prefix}/`
  return prefix.includes('.') && repository.startsWith(start)
    ? repository.slice(start.length)
    : repository
}

function routeTo(upstream: RouteUpstream, name: string, via: Route['via']): Route {
  const isOfficial = upstream.name === DOCKER_HUB && !name.includes('/')
  // The end of a valid name after a slash is a valid name, and so is one with a component before it.
  const repository = (isOfficial ? `library/${name}` : name) as Repository
  return { upstream: upstream.name, source: upstream.source, repository, via }
}
