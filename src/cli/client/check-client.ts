import type { Reference } from '../../oci/reference.ts'
import { print, printJson } from '../output.ts'
import { checkImages } from './check-image.ts'
import { checkPull, PullFailed } from './check-pull.ts'
import type { ClientMirror, ClientRoute } from './client-setup.ts'

/** What is pulled is small. */
const PULL_TIMEOUT_MS = 60_000

/** Not everything could be pulled. */
class CheckFailed extends Error {
  override readonly name = 'CheckFailed'
}

interface CheckOptions {
  image?: string[]
  json?: true
}

interface Checked {
  upstream: string
  isOk: boolean
  /** The manifest that was pulled, or what went wrong. */
  text: string
}

/**
 * Pulls something small of each upstream by each of the routes, and prints how that went. Throws
 * CheckFailed unless there was something to pull of every upstream, and all of it came.
 */
export async function checkClient(
  mirror: ClientMirror,
  routes: readonly ClientRoute[],
  { image = [], json }: CheckOptions,
): Promise<void> {
  const images = checkImages(mirror.upstreams, image)
  const all: Checked[] = []
  const add = (checked: Checked) => {
    all.push(checked)
    if (!json) print(`${checked.isOk ? 'ok    ' : 'failed'}  ${checked.text}`)
  }
  for (const { name: upstream } of mirror.upstreams) {
    const ways = routes.filter((route) => route.upstream === upstream)
    if (ways.length === 0) add(failed(upstream, `${upstream}: this client has no way to it`))
    for (const route of ways) add(await checked(mirror.url, route, images.get(upstream)))
  }
  if (json) printJson(all)
  const failures = all.filter(({ isOk }) => !isOk).length
  if (failures > 0) throw new CheckFailed(`${failures} of ${all.length} pulls failed`)
}

async function checked(
  mirror: URL,
  route: ClientRoute,
  reference: Reference | undefined,
): Promise<Checked> {
  const { upstream } = route
  if (!reference) {
    const wanted = `--image ${upstream}/REPOSITORY:TAG`
    return failed(upstream, `${upstream}: nothing is known to be there: name it with ${wanted}`)
  }
  try {
    const signal = AbortSignal.timeout(PULL_TIMEOUT_MS)
    const url = await checkPull(mirror, route, reference, signal)
    return { upstream, isOk: true, text: url.href }
  } catch (error) {
    if (error instanceof PullFailed) return failed(upstream, error.message)
    throw error
  }
}

function failed(upstream: string, text: string): Checked {
  return { upstream, isOk: false, text }
}
