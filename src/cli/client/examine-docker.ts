import { isLoopback } from '../../util/loopback.ts'
import { type Finding, fault, ok, warning } from '../../doctor/finding.ts'
import { type ClientFiles, textsIn, valueAt } from './client-files.ts'
import { type ClientMirror, DOCKER_HUB, isPlainHttp, registryHost } from './client-setup.ts'
import { isMirror } from './same-mirror.ts'

const DAEMON_FILE = '/etc/docker/daemon.json'

function install({ origin }: URL): string {
  const keys = `put the keys of \`entrepot client docker --url ${origin}\` into ${DAEMON_FILE}`
  return `${keys}, then: systemctl reload docker`
}

/** What keeps dockerd from pulling images of Docker Hub through the mirror. */
export async function examineDocker(
  { url, upstreams }: ClientMirror,
  files: ClientFiles,
): Promise<Finding[]> {
  const hub = upstreams.find(({ name }) => name === DOCKER_HUB)
  if (!hub) {
    const text = 'the mirror has no docker.io, and dockerd has mirrors of nothing else'
    return [
      warning('client', text, 'add docker.io to upstreams, or pull by the name of the mirror'),
    ]
  }
  const file = files.pathOf(DAEMON_FILE)
  const fix = install(url)
  const keys = await files.json(DAEMON_FILE)
  if (!keys) return [fault('client', `there is no ${file}`, fix)]
  const mirrors = textsIn(valueAt(keys, 'registry-mirrors'))
  const malformed = mirrors.filter((text) => !/^https?:$/.test(URL.parse(text)?.protocol ?? ''))
  if (malformed.length > 0) {
    const text = `${file}: ${malformed.join(', ')} has no http:// in front: dockerd does not start`
    return [fault('client', text, fix)]
  }
  const place = mirrors.findIndex((text) => isMirror(url, text))
  if (place < 0) {
    const others = mirrors.length > 0 ? `, but ${mirrors.join(', ')}` : ''
    return [fault('client', `${file}: registry-mirrors has not ${url.origin}${others}`, fix)]
  }
  const named = new URL(mirrors[place] ?? '')
  const path = named.pathname.replace(/\/$/, '')
  const isRight = path === `/${hub.prefix}` || (hub.isDefault && path === '')
  return [
    ok('client', `${file}: registry-mirrors has ${named.origin}`),
    ...(isRight
      ? []
      : [fault('client', `${file}: ${named.href} is not where the mirror has docker.io`, fix)]),
    ...(place > 0
      ? [warning('client', `${file}: ${mirrors[0]} is asked before the mirror`, 'put it first')]
      : []),
    ...plainHttpFindings(named, keys, file),
    ...proxyFindings(named, keys, file),
  ]
}

function plainHttpFindings(url: URL, keys: object, file: string): Finding[] {
  if (!isPlainHttp(url) || isLoopback(url.hostname)) return []
  const hosts = textsIn(valueAt(keys, 'insecure-registries'))
  // Ranges of addresses are taken as they are.
  if (hosts.some((host) => host === registryHost(url) || /\/\d+$/.test(host))) return []
  const text = `${file}: insecure-registries has not ${registryHost(url)}, which speaks plain HTTP`
  return [fault('client', text, install(url))]
}

function proxyFindings({ protocol, hostname }: URL, keys: object, file: string): Finding[] {
  const proxy = valueAt(keys, 'proxies', `${protocol.slice(0, -1)}-proxy`)
  if (typeof proxy !== 'string' || isLoopback(hostname)) return []
  const except = valueAt(keys, 'proxies', 'no-proxy')
  if (typeof except === 'string' && except.split(',').some((host) => isWithin(hostname, host))) {
    return []
  }
  const text = `${file}: the mirror is asked through ${proxy}`
  return [warning('client', text, `add ${hostname} to proxies.no-proxy`)]
}

function isWithin(hostname: string, exception: string): boolean {
  const bare = exception.trim().replace(/^\*?\./, '')
  return bare === '*' || hostname === bare || hostname.endsWith(`.${bare}`)
}
