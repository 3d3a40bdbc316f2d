import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Client, type ClientOptions, fullName, plainHttp } from './client.ts'

/** Configuration shared by the clients that are built on containers/image: podman, buildah, skopeo. */
export async function writeContainersConfig(
  folder: string,
  { mirror, outside }: ClientOptions,
): Promise<{ registries: string; policy: string; env: Record<string, string> }> {
  const registries = join(folder, 'registries.conf')
  const [printed] = await mirror.clientFiles('podman')
  await writeFile(registries, printed?.content ?? '')
  const policy = join(folder, 'policy.json')
  await writeFile(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
  const auth = join(folder, 'auth.json')
  await writeFile(auth, '{}')
  const env = {
    ...outside.env,
    HOME: folder,
    CONTAINERS_REGISTRIES_CONF: registries,
    REGISTRY_AUTH_FILE: auth,
  }
  return { registries, policy, env }
}

/** By commands that podman and buildah have in common. */
export function pullAndPush(
  command: (...args: string[]) => Promise<string>,
  policy: string,
): Pick<Client, 'pull' | 'push'> {
  const flags = (registry: string) => [
    '--signature-policy',
    policy,
    ...plainHttp(registry, '--tls-verify=false'),
  ]
  return {
    async pull(name) {
      await command('pull', ...flags(name), fullName(name))
    },
    async push(name, as) {
      await command('push', ...flags(as), fullName(name), `docker://${as}`)
    },
  }
}
