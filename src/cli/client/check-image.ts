import { parseDigest } from '../../oci/digest.ts'
import { parseRepository, parseTag, type Reference } from '../../oci/reference.ts'
import { UsageError } from '../failure.ts'
import { DOCKER_HUB } from './client-setup.ts'

/** Small images that anybody may pull. */
const WELL_KNOWN: Readonly<Record<string, string>> = {
  [DOCKER_HUB]: 'library/hello-world:latest',
  'gcr.io': 'distroless/static:latest',
  'ghcr.io': 'containerd/busybox:1.36',
  'mcr.microsoft.com': 'hello-world:latest',
  'public.ecr.aws': 'docker/library/hello-world:latest',
  'quay.io': 'prometheus/busybox:latest',
  'registry.k8s.io': 'pause:3.10',
}

/**
 * What is pulled to check each upstream, by its name: the one of `images` that names it, else one
 * that is known to be there, else nothing. Throws UsageError for an image of no upstream.
 */
export function checkImages(
  upstreams: readonly string[],
  images: readonly string[],
): Map<string, Reference> {
  const chosen = new Map<string, Reference>()
  for (const name of upstreams) {
    const known = WELL_KNOWN[name]
    const reference = known === undefined ? undefined : parseReference(name, known)
    if (reference) chosen.set(name, reference)
  }
  for (const image of images) {
    const name = upstreams.find((upstream) => image.startsWith(`${upstream}/`))
    const reference = name && parseReference(name, image.slice(name.length + 1))
    if (!reference) {
      throw new UsageError(
        `${image} is no image of a configured upstream (${upstreams.join(', ')}), as ` +
          `${DOCKER_HUB}/library/alpine:3 is`,
      )
    }
    chosen.set(name, reference)
  }
  return chosen
}

/** Reads `repository`, `repository:tag` or `repository@digest`, as clients do: `latest` where nothing is said. */
function parseReference(upstream: string, text: string): Reference | undefined {
  const [, path = '', tagText = 'latest', digestText] =
    /^([^:@]+)(?::([^@]*))?(?:@(.*))?$/.exec(text) ?? []
  const isOfficial = upstream === DOCKER_HUB && !path.includes('/')
  const repository = parseRepository(isOfficial ? `library/${path}` : path)
  const tag = parseTag(tagText)
  if (!repository || !tag) return undefined
  if (digestText === undefined) return { kind: 'tag', repository, tag }
  const digest = parseDigest(digestText)
  return digest && { kind: 'digest', repository, digest }
}
