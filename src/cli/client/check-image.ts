import type { Reference } from '../../oci/reference.ts'
import { imageOf, parseImageName } from '../../policy/image-name.ts'
import { Routes } from '../../policy/routes.ts'
import { UsageError } from '../failure.ts'
import type { ClientUpstream } from './client-setup.ts'

/** Small images that anybody may pull. */
const WELL_KNOWN = [
  'docker.io/library/hello-world',
  'gcr.io/distroless/static',
  'ghcr.io/containerd/busybox:1.36',
  'mcr.microsoft.com/hello-world',
  'public.ecr.aws/docker/library/hello-world',
  'quay.io/prometheus/busybox',
  'registry.k8s.io/pause:3.10',
]

/**
 * What is pulled to check each upstream, by its name: the one of `images` that is there, else one
 * that is known to be there, else nothing. Throws UsageError for an image of no upstream.
 */
export function checkImages(
  upstreams: readonly ClientUpstream[],
  images: readonly string[],
): Map<string, Reference> {
  const names = upstreams.map(({ name }) => name)
  const routes = new Routes(
    upstreams.map((upstream) => ({ ...upstream, hosts: [], source: undefined })),
  )
  const chosen = new Map<string, Reference>()
  const choose = (image: string): boolean => {
    const named = parseImageName(image, routes)
    if (!named || !names.includes(named.repository.registry)) return false
    const { registry, reference } = imageOf(named)
    chosen.set(registry, reference)
    return true
  }
  for (const image of WELL_KNOWN) choose(image)
  for (const image of images) {
    if (choose(image)) continue
    const upstreamList = names.join(', ')
    throw new UsageError(`${image} is no image of a configured upstream (${upstreamList})`)
  }
  return chosen
}
