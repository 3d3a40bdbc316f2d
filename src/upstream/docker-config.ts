import { TOKEN_USER } from './credential-program.ts'
import { type Credentials, CredentialsError } from './credentials.ts'

/** What a docker `config.json` says of registries. */
export interface DockerConfig {
  auths: ReadonlyMap<string, Credentials>
  /** Helpers by registry. */
  credHelpers: ReadonlyMap<string, string>
  /** The helper for all others. */
  credsStore: string | undefined
}

/** What docker calls Docker Hub where it keeps credentials. */
const HUB_SERVER = 'https://index.docker.io/v1/'

const HUB_HOSTS: readonly string[] = ['docker.io', 'index.docker.io', 'registry-1.docker.io']

/** What docker calls a registry, by the URL where it is asked. */
export function serverNameOf({ host }: URL): string {
  return HUB_HOSTS.includes(host) ? HUB_SERVER : host
}

/** Entries that make no sense are as if they were not there. Throws CredentialsError. */
export function parseDockerConfig(text: string): DockerConfig {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // What the parser says may quote a secret.
    throw new CredentialsError('is no JSON')
  }
  const { auths, credHelpers, credsStore } = membersOf(value)
  return {
    auths: mapOf(auths, credentialsOf),
    credHelpers: mapOf(credHelpers, nonEmpty),
    credsStore: nonEmpty(credsStore),
  }
}

/** The value for a registry: under its own name, or under a URL or path at its host. */
export function entryFor<T>(entries: ReadonlyMap<string, T>, server: string): T | undefined {
  const hosts = server === HUB_SERVER ? HUB_HOSTS : [server]
  const exact = [server, ...hosts].find((name) => entries.has(name))
  if (exact !== undefined) return entries.get(exact)
  return [...entries].find(([key]) => hosts.includes(hostOf(key)))?.[1]
}

function hostOf(key: string): string {
  const [host = ''] = key.replace(/^https?:\/\//, '').split('/', 1)
  return host
}

function credentialsOf(value: unknown): Credentials | undefined {
  const { auth, identitytoken } = membersOf(value)
  const text = typeof auth === 'string' ? Buffer.from(auth, 'base64').toString() : ''
  const [, username = '', password = ''] = /^([^:]+):(.*)$/s.exec(text) ?? []
  const identityToken = nonEmpty(identitytoken)
  if (identityToken !== undefined) return { username: username || TOKEN_USER, identityToken }
  // docker ends passwords with NUL bytes where something else has put them there.
  const trimmed = password.replace(/\0+$/, '')
  return username && trimmed ? { username, password: trimmed } : undefined
}

function mapOf<T>(
  value: unknown,
  parse: (member: unknown) => T | undefined,
): ReadonlyMap<string, T> {
  const entries = Object.entries(membersOf(value)).flatMap(([key, member]) => {
    const parsed = parse(member)
    return parsed === undefined ? [] : [[key, parsed] as const]
  })
  return new Map(entries)
}

function membersOf(value: unknown): Record<string, unknown> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? { ...value } : {}
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
