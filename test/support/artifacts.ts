import type { Descriptor } from '../../src/oci/descriptor.ts'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import type { Referrer } from '../../src/oci/referrers.ts'
import { addBlob, addManifest, emptyImage, json, type TestImage } from './images.ts'

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
const IMAGE_CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json'

export interface ArtifactOptions {
  /** Artifacts of the same seed about the same subject are byte for byte the same. */
  seed?: string
  artifactType?: string
  annotations?: Record<string, string>
  /** What it is about. */
  subject?: Descriptor
}

/** An artifact, with how a list of referrers names it. */
export interface TestArtifact extends TestImage {
  referrer: Referrer
}

export const SIGNATURE_TYPE = 'application/vnd.example.signature'
export const SBOM_TYPE = 'application/vnd.example.sbom.v1+json'

/** An artifact as ORAS and notation make them: an empty config and one blob (image-spec, Guidelines for Artifact Usage). */
export function buildArtifact(options: ArtifactOptions = {}): TestArtifact {
  const { seed = 'artifact', artifactType = SIGNATURE_TYPE, annotations, subject } = options
  const image = emptyImage()
  const config = addBlob(image, 'application/vnd.oci.empty.v1+json', Buffer.from('{}'))
  const layer = addBlob(image, artifactType, Buffer.from(`${artifactType} of ${seed}`))
  image.root = addManifest(image, MANIFEST_TYPE, {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType,
    config: { ...json(config), data: 'e30=' },
    layers: [json(layer)],
    ...(subject && { subject: json(subject) }),
    ...(annotations && { annotations }),
  })
  const referrer = { ...image.root, artifactType, ...(annotations && { annotations }) }
  return { ...image, referrer }
}

/** What cosign keeps under `sha256-<digest>.sig`: an image whose layers are what was signed. */
export function buildCosignSignature(subject: Digest): TestImage {
  const image = emptyImage()
  const critical = { image: { 'docker-manifest-digest': subject } }
  const signed = Buffer.from(JSON.stringify({ critical }))
  const config = addBlob(image, IMAGE_CONFIG_TYPE, imageConfig([digestOf(signed)]))
  const payload = addBlob(image, 'application/vnd.dev.cosign.simplesigning.v1+json', signed)
  const annotations = { 'dev.cosignproject.cosign/signature': 'MEUCIQ==' }
  image.root = addManifest(image, MANIFEST_TYPE, {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: json(config),
    layers: [{ ...json(payload), annotations }],
  })
  return image
}

/** What BuildKit puts into an index beside the image (its docs/attestations/attestation-storage.md). */
export function buildAttestation(subject: Descriptor): TestImage {
  const image = emptyImage()
  const layerType = 'application/vnd.in-toto+json'
  const statement = { _type: 'https://in-toto.io/Statement/v0.1', subject: [json(subject)] }
  const attested = Buffer.from(JSON.stringify(statement))
  const config = addBlob(image, IMAGE_CONFIG_TYPE, imageConfig([digestOf(attested)]))
  const layer = addBlob(image, layerType, attested)
  image.root = addManifest(image, MANIFEST_TYPE, {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: 'application/vnd.docker.attestation.manifest.v1+json',
    config: json(config),
    layers: [{ ...json(layer), annotations: { 'in-toto.io/predicate-type': 'example' } }],
    subject: json(subject),
  })
  return image
}

/** Of what is made for no platform. */
function imageConfig(diffIds: Digest[]): Buffer {
  const rootfs = { type: 'layers', diff_ids: diffIds }
  return Buffer.from(JSON.stringify({ architecture: 'unknown', os: 'unknown', config: {}, rootfs }))
}

/** What a registry without the referrers API keeps under `sha256-<digest>`. */
export function buildReferrersIndex(artifacts: readonly TestArtifact[]): TestImage {
  const image = emptyImage()
  for (const artifact of artifacts) {
    for (const entry of artifact.manifests) image.manifests.set(...entry)
    for (const entry of artifact.blobs) image.blobs.set(...entry)
  }
  image.root = addManifest(image, INDEX_TYPE, {
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: artifacts.map(({ referrer: { artifactType, annotations, ...descriptor } }) => ({
      ...json(descriptor),
      artifactType,
      annotations,
    })),
  })
  return image
}
