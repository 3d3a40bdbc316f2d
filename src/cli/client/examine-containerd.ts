import { type Finding, fault, ok, warning } from '../../doctor/finding.ts'
import { type ClientFiles, textsIn, valueAt } from './client-files.ts'
import type { ClientMirror, ClientUpstream } from './client-setup.ts'
import { CERTS_FOLDER } from './containerd.ts'
import { isMirror } from './same-mirror.ts'

const CONFIG_FILE = '/etc/containerd/config.toml'

/** The plugin that pulls for Kubernetes, in containerd 2.x and 1.x. */
const PLUGINS = ['io.containerd.cri.v1.images', 'io.containerd.grpc.v1.cri']

/** The form of config.toml that has the first of them alone. */
const VERSION_OF_2 = 3

function install({ origin }: URL): string {
  return `put there what \`entrepot client containerd --url ${origin}\` prints`
}

const RESTART = 'then: systemctl restart containerd'

/** What keeps containerd from pulling through the mirror, for Kubernetes too. */
export async function examineContainerd(
  mirror: ClientMirror,
  files: ClientFiles,
): Promise<Finding[]> {
  const config = await files.toml(CONFIG_FILE)
  const plugins = PLUGINS.slice(0, valueAt(config, 'version') === VERSION_OF_2 ? 1 : undefined)
  const registries = plugins.map((plugin) => valueAt(config, 'plugins', plugin, 'registry'))
  const [folders] = registries.flatMap((registry) => {
    const path = valueAt(registry, 'config_path')
    return typeof path === 'string' && path !== '' ? [path.split(':')] : []
  })
  const findings = [...configFindings(files.pathOf(CONFIG_FILE), folders)]
  if (registries.some((registry) => valueAt(registry, 'mirrors') !== undefined)) {
    const text = `${files.pathOf(CONFIG_FILE)} has registry.mirrors, which config_path does not go with`
    findings.push(fault('client', text, `take registry.mirrors out, ${RESTART}`))
  }
  for (const upstream of mirror.upstreams) {
    findings.push(...(await hostsFindings(mirror.url, upstream, folders ?? [CERTS_FOLDER], files)))
  }
  return findings
}

function configFindings(path: string, folders: readonly string[] | undefined): Finding[] {
  if (folders) return [ok('client', `${path}: registries are in ${folders.join(' and ')}`)]
  const text = `${path} has no registry.config_path: Kubernetes does not read hosts.toml`
  const fix = `set it as \`entrepot client containerd\` says, ${RESTART}; nerdctl needs it not`
  return [warning('client', text, fix)]
}

/** Of the first of the folders that knows the registry; `_default` stands for all that none knows. */
async function hostsFindings(
  url: URL,
  upstream: ClientUpstream,
  folders: readonly string[],
  files: ClientFiles,
): Promise<Finding[]> {
  const { name } = upstream
  for (const entry of [name, '_default']) {
    for (const folder of folders) {
      const path = `${folder}/${entry}/hosts.toml`
      const hosts = await files.toml(path)
      if (hosts) return [hostFinding(url, upstream, files.pathOf(path), valueAt(hosts, 'host'))]
    }
  }
  const path = files.pathOf(`${folders[0]}/${name}/hosts.toml`)
  return [fault('client', `there is no ${path}: ${name} is pulled past the mirror`, install(url))]
}

function hostFinding(url: URL, { prefix }: ClientUpstream, path: string, hosts: unknown): Finding {
  const fix = install(url)
  const names = Object.keys(hosts ?? {})
  const place = names.findIndex((host) => isMirror(url, urlOf(host)))
  const host = names[place]
  if (host === undefined) {
    const others = names.length > 0 ? `, but ${names.join(', ')}` : ''
    return fault('client', `${path} has no [host."${url.origin}"]${others}`, fix)
  }
  const root = rootOf(host, valueAt(hosts, host, 'override_path') === true)
  if (root !== '/v2' && root !== `/${prefix}/v2`) {
    const text = `${path}: containerd asks ${host} below ${root || '/'}, where there is no mirror`
    return fault('client', text, fix)
  }
  const capabilities = textsIn(valueAt(hosts, host, 'capabilities'))
  const missing = ['pull', 'resolve'].filter((one) => !capabilities.includes(one))
  if (capabilities.length > 0 && missing.length > 0) {
    const text = `${path}: the capabilities of ${host} lack ${missing.join(' and ')}`
    return fault('client', text, fix)
  }
  if (place > 0) {
    return warning('client', `${path}: ${names[0]} is asked before the mirror`, 'put it first')
  }
  return ok('client', `${path} has ${host}`)
}

/** What containerd puts in front of a repository. */
function rootOf(host: string, isWhole: boolean): string {
  const { pathname } = new URL(urlOf(host))
  const path = pathname.replace(/\/$/, '')
  return isWhole || path.endsWith('/v2') ? path : `${path}/v2`
}

function urlOf(host: string): string {
  return host.startsWith('http') ? host : `https://${host}`
}
