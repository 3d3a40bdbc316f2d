import type { Content } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import { parseObject } from '../oci/json.ts'
import {
  isImage,
  MAX_MANIFEST_BYTES,
  parseManifest,
  parseManifestType,
  type IndexEntry,
} from '../oci/manifest.ts'
import { parsePlatformObject, type Platform } from '../oci/platform.ts'
import type { Holdings } from './holdings.ts'
import type { OfferedPlatform } from './operations.ts'

/** See Operations.platforms. */
export async function platformsOf(
  holdings: Holdings,
  digest: Digest,
): Promise<OfferedPlatform[] | undefined> {
  const held = await holdings.inventory.held(digest)
  const manifest = held && (await contentOf(holdings, held))
  if (!manifest) return undefined
  const offered = await Promise.all(manifest.manifests.map((entry) => offeredBy(holdings, entry)))
  const [config] = isImage(manifest) ? manifest.blobs : []
  const platform = config && (await platformOfConfig(holdings, config.digest))
  if (platform) offered.push({ platform, digest, isHeld: true })
  return offered.filter((one) => one !== undefined)
}

async function contentOf(holdings: Holdings, held: Content) {
  const type = parseManifestType(held.mediaType)
  if (held.kind !== 'manifest' || !type) return undefined
  const bytes = await holdings.readKeptManifest(held)
  return bytes && parseManifest(type, bytes)
}

async function offeredBy(
  { inventory }: Holdings,
  { platform, digest }: IndexEntry,
): Promise<OfferedPlatform | undefined> {
  // What runs nowhere, such as an attestation.
  if (!platform || platform.os === 'unknown') return undefined
  return { platform, digest, isHeld: (await inventory.held(digest)) !== undefined }
}

/** An image says what it runs on in its config alone. */
async function platformOfConfig(holdings: Holdings, digest: Digest): Promise<Platform | undefined> {
  const held = await holdings.inventory.held(digest)
  if (!held || held.sizeBytes > MAX_MANIFEST_BYTES) return undefined
  const bytes = await holdings.readKeptManifest(held)
  return bytes && parsePlatformObject(parseObject(bytes))
}
