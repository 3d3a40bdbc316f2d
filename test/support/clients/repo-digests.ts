/** The digests in `["docker.io/library/app@sha256:…"]`, as docker and podman tell them of an image. */
export function repoDigests(inspected: string): string[] {
  const names = JSON.parse(inspected) as string[]
  return names.map((name) => name.slice(name.indexOf('@') + 1))
}
