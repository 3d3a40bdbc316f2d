import { algorithmOf, digestOf, parseDigest } from '../../oci/digest.ts'
import {
  MANIFEST_TYPES,
  type ManifestContent,
  parseManifest,
  parseManifestType,
} from '../../oci/manifest.ts'
import { type Reference, targetOf } from '../../oci/reference.ts'
import { fetchFailure } from '../fetch-failure.ts'
import type { ClientRoute } from './client-setup.ts'

/** Why a pull through the mirror is not what it should be; begins with the URL that was asked. */
export class PullFailed extends Error {
  override readonly name = 'PullFailed'
}

/**
 * Pulls an image's manifest through the mirror by the route of a client, of an index its first
 * child too, and the config, and verifies each. Returns the URL where it began; throws PullFailed.
 */
export async function checkPull(
  mirror: URL,
  route: ClientRoute,
  reference: Reference,
  signal: AbortSignal,
): Promise<URL> {
  const base = new URL(`${route.root}/${reference.repository}/`, mirror)
  const pull = new Pull(base, route.ns, signal)
  const target = targetOf(reference)
  const root = await pull.manifest(target)
  const [child] = root.manifests
  const image = child ? await pull.manifest(child.digest) : root
  const [config] = image.blobs
  if (config) await pull.content('blobs', config.digest)
  return pull.urlOf('manifests', target)
}

class Pull {
  readonly #base: URL
  readonly #ns: string | undefined
  readonly #signal: AbortSignal

  constructor(base: URL, ns: string | undefined, signal: AbortSignal) {
    this.#base = base
    this.#ns = ns
    this.#signal = signal
  }

  urlOf(kind: 'manifests' | 'blobs', target: string): URL {
    const url = new URL(`${kind}/${target}`, this.#base)
    if (this.#ns !== undefined) url.searchParams.set('ns', this.#ns)
    return url
  }

  async manifest(target: string): Promise<ManifestContent> {
    const { bytes, headers, url } = await this.content('manifests', target)
    const type = parseManifestType(headers.get('content-type') ?? '')
    const manifest = type && parseManifest(type, bytes)
    if (!manifest) throw new PullFailed(`${url.href}: what came is no manifest`)
    return manifest
  }

  async content(kind: 'manifests' | 'blobs', target: string) {
    const url = this.urlOf(kind, target)
    const { bytes, headers } = await this.#get(url)
    const wanted = parseDigest(target) ?? parseDigest(headers.get('docker-content-digest') ?? '')
    if (!wanted) throw new PullFailed(`${url.href}: the answer has no digest`)
    const digest = digestOf(bytes, algorithmOf(wanted))
    if (digest !== wanted) throw new PullFailed(`${url.href}: ${wanted} came as ${digest}`)
    return { bytes, headers, url }
  }

  async #get(url: URL): Promise<{ bytes: Uint8Array; headers: Headers }> {
    let response: Response
    let bytes: Uint8Array
    try {
      const headers = { accept: MANIFEST_TYPES.join(', ') }
      response = await fetch(url, { headers, signal: this.#signal })
      bytes = new Uint8Array(await response.arrayBuffer())
    } catch (cause) {
      throw new PullFailed(`${url.href}: ${fetchFailure(cause)}`, { cause })
    }
    const { headers, ok, status } = response
    if (!ok) throw new PullFailed(`${url.href}: ${status} ${messageIn(bytes)}`)
    // A mirror that does not know ns would answer for the registry that it has, not the one meant.
    if (this.#ns !== undefined && headers.get('oci-namespace') !== this.#ns) {
      throw new PullFailed(`${url.href}: the answer does not say that it is of ${this.#ns}`)
    }
    return { bytes, headers }
  }
}

/** The message of a registry's error. */
function messageIn(bytes: Uint8Array): string {
  try {
    const { errors } = JSON.parse(new TextDecoder().decode(bytes)) as {
      errors: { message: string }[]
    }
    return String(errors[0]?.message)
  } catch {
    return '(not a registry)'
  }
}
