import type { Repository } from '../oci/reference.ts'
import type { Source } from '../oci/source.ts'

export interface RouteUpstream<S = Source> {
  /** The registry as image names spell it, for example `docker.io`. */
  name: string
  /** Path prefix that chooses it: `/v2/<prefix>/<repository>`. */
  prefix: string
  /** Names of ours, in lower case, under which it is the only one: `ghcr.mirror.example`. */
  hosts: readonly string[]
  isDefault: boolean
  source: S
}

/** From a request to who answers it. */
export interface Route<S = Source> {
  upstream: string
  source: S
  /** As the upstream knows it. */
  repository: Repository
  via: 'default' | 'ns' | 'host' | 'prefix'
  /** Whether the client goes to the registry itself when we fail, for all we can know. */
  hasOrigin: boolean
}

/** What of a request decides its route. */
export interface Routable {
  /** The name in the path. */
  repository: Repository
  /** The registry that the client says it means. */
  ns: string | undefined
  /** In front of `/v2`. */
  prefix?: string | undefined
  /** The `Host` header, with a port or without. */
  host?: string | undefined
}

const DOCKER_HUB = 'docker.io'
/** Hosts of Docker Hub that a client may name instead. */
const DOCKER_HUB_HOSTS = [DOCKER_HUB, 'registry-1.docker.io', 'index.docker.io']

/**
 * The table of upstreams; it never leads to one that is not configured. Who only reads names has
 * it without sources.
 */
export class Routes<S = Source> {
  readonly #default: RouteUpstream<S> | undefined
  readonly #byName = new Map<string, RouteUpstream<S>>()
  readonly #byHost = new Map<string, RouteUpstream<S>>()
  readonly #byPrefix: { start: string; upstream: RouteUpstream<S> }[]

  constructor(upstreams: readonly RouteUpstream<S>[]) {
    this.#default = upstreams.find((upstream) => upstream.isDefault)
    for (const upstream of upstreams) {
      for (const host of hostsOf(upstream.name)) this.#byName.set(host, upstream)
      for (const host of upstream.hosts) this.#byHost.set(host, upstream)
    }
    this.#byPrefix = upstreams
      .map((upstream) => ({ start: `${upstream.prefix}/`, upstream }))
      .sort((a, b) => b.start.length - a.start.length)
  }

  /** Whether `/<prefix>/v2/` is the address of an upstream. */
  hasPrefix(prefix: string): boolean {
    return this.#withPrefix(prefix) !== undefined
  }

  /**
   * What says more comes first: `ns`, a prefix in front of `/v2`, our host, a prefix of the name.
   * `undefined` where the request leads to no upstream of ours: the client is to ask the origin.
   */
  find({ repository, ns, prefix, host }: Routable): Route<S> | undefined {
    if (ns !== undefined) {
      const upstream = this.#byName.get(ns)
      return upstream && routeTo(upstream, withoutOwnHost(repository, upstream), 'ns')
    }
    if (prefix !== undefined) {
      const upstream = this.#withPrefix(prefix)
      return upstream && routeTo(upstream, repository, 'prefix')
    }
    const hosted = host === undefined ? undefined : this.#ofHost(host)
    if (hosted) return routeTo(hosted, repository, 'host')
    for (const { start, upstream } of this.#byPrefix) {
      if (repository.startsWith(start)) {
        return routeTo(upstream, repository.slice(start.length), 'prefix')
      }
    }
    return this.#default && routeTo(this.#default, repository, 'default')
  }

  #withPrefix(prefix: string): RouteUpstream<S> | undefined {
    return this.#byPrefix.find(({ start }) => start === `${prefix}/`)?.upstream
  }

  #ofHost(host: string): RouteUpstream<S> | undefined {
    if (this.#byHost.size === 0) return undefined
    return this.#byHost.get(host.toLowerCase().replace(/:\d+$/, ''))
  }
}

function hostsOf(name: string): string[] {
  return name === DOCKER_HUB ? DOCKER_HUB_HOSTS : [name]
}

/**
 * containerd with `override_path` sends both the prefix and `ns`. Only a prefix that looks like a
 * host is taken off: with any other, `docker.io/team/app` behind prefix `team` would become another image.
 */
function withoutOwnHost(repository: string, { prefix }: RouteUpstream<unknown>): string {
  const start = `${prefix}/`
  return prefix.includes('.') && repository.startsWith(start)
    ? repository.slice(start.length)
    : repository
}

function routeTo<S>(upstream: RouteUpstream<S>, name: string, via: Route['via']): Route<S> {
  const isOfficial = upstream.name === DOCKER_HUB && !name.includes('/')
  // The end of a valid name after a slash is a valid name, and so is one with a component before it.
  const repository = (isOfficial ? `library/${name}` : name) as Repository
  const hasOrigin = via === 'default' || via === 'ns'
  return { upstream: upstream.name, source: upstream.source, repository, via, hasOrigin }
}
