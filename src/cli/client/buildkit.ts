import { type ClientMirror, type ClientSetup, isPlainHttp } from './client-setup.ts'
import { nsRoute } from './hosts-toml.ts'

/** BuildKit of its own, as `docker buildx create` starts it; dockerd's own follows daemon.json. */
export function buildkitSetup({ url, upstreams }: ClientMirror): ClientSetup {
  const tables = upstreams.map(({ name }) => `[registry."${name}"]\n  mirrors = ["${url.host}"]\n`)
  if (isPlainHttp(url)) tables.push(`[registry."${url.host}"]\n  http = true\n`)
  return {
    files: [{ path: '/etc/buildkit/buildkitd.toml', content: tables.join('\n') }],
    notes: ['For buildx: docker buildx create --use --buildkitd-config FILE'],
    routes: upstreams.map(nsRoute),
  }
}
