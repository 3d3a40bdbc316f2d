import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientOptions } from './client.ts'

/** Configuration shared by the clients that are built on containers/image: podman, skopeo. */
export async function writeContainersConfig(
  folder: string,
  mirror: ClientOptions['mirror'],
): Promise<{ registries: string; policy: string; auth: string }> {
  const registries = join(folder, 'registries.conf')
  const [printed] = await mirror.clientFiles('podman')
  await writeFile(registries, printed?.content ?? '')
  const policy = join(folder, 'policy.json')
  await writeFile(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
  const auth = join(folder, 'auth.json')
  await writeFile(auth, '{}')
  return { registries, policy, auth }
}
