import { type Finding, fault, ok, warning } from '../../doctor/finding.ts'
import { type ClientFiles, textsIn, valueAt } from './client-files.ts'
import type { ClientMirror, ClientUpstream } from './client-setup.ts'
import { CERTS_FOLDER } from './containerd.ts'
import { isMirror } from './same-mirror.ts'

const CONFIG_FILE = '/etc/containerd/config.toml'

/** The plugin that pulls for Kubernetes, in containerd 2.x and 1.x. */
const PLUGINS = ['io.containerd.cri.v1.images', 'io.containerd.grpc.v1.cri']

const INSTALL = 'put there what `entrepot client containerd` prints'
const RESTART = 'then: systemctl restart containerd'

/** What keeps containerd from pulling through the mirror, for Kubernetes too. */
export async function examineContainerd(
  mirror: ClientMirror,
  files: ClientFiles,
): Promise<Finding[]> {
  const config = await files.toml(CONFIG_FILE)
  const registries = PLUGINS.map((plugin) => valueAt(config, 'plugins', plugin, 'registry'))
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
  { name }: ClientUpstream,
  folders: readonly string[],
  files: ClientFiles,
): Promise<Finding[]> {
  for (const entry of [name, '_default']) {
    for (const folder of folders) {
      const path = `${folder}/${entry}/hosts.toml`
      const hosts = await files.toml(path)
      if (hosts) return [hostFinding(url, files.pathOf(path), valueAt(hosts, 'host'))]
    }
  }
  const path = files.pathOf(`${folders[0]}/${name}/hosts.toml`)
  return [fault('client', `there is no ${path}: ${name} is pulled past the mirror`, INSTALL)]
}

function hostFinding(url: URL, path: string, hosts: unknown): Finding {
  const names = Object.keys(hosts ?? {})
  const place = names.findIndex((host) => isMirror(url, host))
  const host = names[place]
  if (host === undefined) {
    const others = names.length > 0 ? `, but ${names.join(', ')}` : ''
    return fault('client', `${path} has no [host."${url.origin}"]${others}`, INSTALL)
  }
  const capabilities = textsIn(valueAt(hosts, host, 'capabilities'))
  const missing = ['pull', 'resolve'].filter((one) => !capabilities.includes(one))
  if (capabilities.length > 0 && missing.length > 0) {
    const text = `${path}: the capabilities of ${host} lack ${missing.join(' and ')}`
    return fault('client', text, INSTALL)
  }
  if (place > 0) {
    return warning('client', `${path}: ${names[0]} is asked before the mirror`, 'put it first')
  }
  return ok('client', `${path} has ${host}`)
}
