import { type Finding, fault, ok, warning } from '../../doctor/finding.ts'
import { type ClientFiles, tablesIn, textsIn, valueAt } from './client-files.ts'
import {
  type ClientMirror,
  type ClientUpstream,
  fitsIntoNames,
  isPlainHttp,
} from './client-setup.ts'
import { isMirror } from './same-mirror.ts'

const MAIN_FILE = '/etc/containers/registries.conf'
const FOLDER = '/etc/containers/registries.conf.d'

function install({ origin }: URL): string {
  return `put what \`entrepot client podman --url ${origin}\` prints into ${FOLDER}`
}

interface Entry {
  path: string
  registry: object
}

/** What keeps podman, buildah, skopeo and CRI-O from pulling through the mirror. */
export async function examinePodman(
  { url, upstreams }: ClientMirror,
  files: ClientFiles,
): Promise<Finding[]> {
  const dropIns = (await files.names(FOLDER)).filter((name) => name.endsWith('.conf'))
  const entries: Entry[] = []
  const findings: Finding[] = []
  for (const path of [MAIN_FILE, ...dropIns.map((name) => `${FOLDER}/${name}`)]) {
    const config = await files.toml(path)
    const registries = tablesIn(valueAt(config, 'registry'))
    entries.push(...registries.map((registry) => ({ path: files.pathOf(path), registry })))
    if (textsIn(valueAt(config, 'registries', 'search', 'registries')).length > 0) {
      const text = `${files.pathOf(path)} is in the old form, beside which [[registry]] is refused`
      findings.push(fault('client', text, 'write unqualified-search-registries in its place'))
    }
  }
  const reached = upstreams.filter((upstream) => upstream.isDefault || fitsIntoNames(upstream))
  return [...findings, ...reached.map((upstream) => upstreamFinding(url, upstream, entries))]
}

/** Of several files that have the same prefix the last is taken. */
function upstreamFinding(
  url: URL,
  { name, prefix, isDefault }: ClientUpstream,
  entries: readonly Entry[],
): Finding {
  const fix = install(url)
  const entry = entries.findLast(({ registry }) => prefixOf(registry) === name)
  if (!entry) return fault('client', `nothing in ${FOLDER} has the prefix ${name}`, fix)
  const { path: file, registry } = entry
  const mirrors = tablesIn(valueAt(registry, 'mirror'))
  const place = mirrors.findIndex((mirror) => isMirror(url, textOf(mirror, 'location')))
  const mirror = mirrors[place]
  if (!mirror) return fault('client', `${file}: ${name} has not ${url.host} as a mirror`, fix)
  if (valueAt(registry, 'blocked') === true) {
    return fault('client', `${file}: ${name} is blocked, with its mirrors`, 'take out `blocked`')
  }
  const location = textOf(mirror, 'location')
  const [, ...path] = location.split('/')
  if (path.join('/') !== prefix && !(isDefault && path.length === 0)) {
    const text = `${file}: ${location} is not where the mirror has ${name}`
    return fault('client', text, fix)
  }
  if (isPlainHttp(url) && valueAt(mirror, 'insecure') !== true) {
    const text = `${file}: ${location} speaks plain HTTP, which wants insecure = true`
    return fault('client', text, fix)
  }
  const isForDigests =
    valueAt(registry, 'mirror-by-digest-only') === true ||
    textOf(mirror, 'pull-from-mirror') === 'digest-only'
  if (isForDigests) {
    const text = `${file}: tags of ${name} are pulled past the mirror`
    return warning('client', text, 'set pull-from-mirror = "all"')
  }
  if (place > 0) {
    const first = textOf(mirrors[0], 'location')
    return warning('client', `${file}: ${first} is asked before the mirror`, 'put it first')
  }
  return ok('client', `${file}: ${name} has ${location}`)
}

function prefixOf(registry: object): string {
  return textOf(registry, 'prefix') || textOf(registry, 'location')
}

function textOf(table: unknown, key: string): string {
  const value = valueAt(table, key)
  return typeof value === 'string' ? value : ''
}
