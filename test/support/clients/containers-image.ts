import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Configuration shared by the clients that are built on containers/image: podman, skopeo. */
export async function writeContainersConfig(
  folder: string,
  mirror: string,
): Promise<{ registries: string; policy: string }> {
  const registries = join(folder, 'registries.conf')
  await writeFile(
    registries,
    `unqualified-search-registries = []
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "${mirror}"
insecure = true
`,
  )
  const policy = join(folder, 'policy.json')
  await writeFile(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
  return { registries, policy }
}
