import { describe, expect, it } from 'vitest'
import { parseReferrers, referrersTag } from '../../src/oci/referrers.ts'
import {
  buildArtifact,
  buildAttestation,
  buildCosignSignature,
  buildReferrersIndex,
  SBOM_TYPE,
} from '../support/artifacts.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { buildImage, buildIndex, type TestImage } from '../support/images.ts'
import { upstreamError } from '../support/scripted-source.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/turns.ts'
import {
  byDigest,
  demo,
  mirrorOn,
  never,
  POLICY,
  pullBlobs,
  tagged,
  upstreamSource,
  type MirrorRig,
} from './mirror-rig.ts'

const amd = await buildImage({ seed: 'amd' })
const arm = await buildImage({ seed: 'arm', architecture: 'arm64' })
const index = buildIndex({ amd64: amd, arm64: arm })
const signature = buildArtifact({ subject: amd.root })
const sbom = buildArtifact({ subject: amd.root, artifactType: SBOM_TYPE })
const attestation = buildAttestation(amd.root)
const attested = buildIndex({ amd64: amd }, 'oci', { amd64: attestation })
const cosign = buildCosignSignature(amd.root.digest)
const down = upstreamError('unreachable')

function bytesOf(image: TestImage): Buffer {
  return image.manifests.get(image.root.digest)!.bytes
}

function pull({ mirror }: MirrorRig, tag: string) {
  return mirror.manifest(tagged(tag), { signal: never })
}

function pullDigest({ mirror }: MirrorRig, image: TestImage) {
  return mirror.manifest(byDigest(image.root.digest), { signal: never })
}

/** Has a mirror pull something, and gives it back restarted, with upstream down and tags stale. */
async function afterOutage(
  images: Record<string, TestImage>,
  pullAll: (rig: MirrorRig) => Promise<void>,
) {
  await using parts = new AsyncDisposableStack()
  const { path: folder } = parts.use(await temporaryFolder())
  const source = upstreamSource()
  for (const [tag, image] of Object.entries(images)) source.add(demo, tag, image)
  const clock = new FakeClock()
  {
    await using rig = await mirrorOn(source, { folder, clock })
    await pullAll(rig)
  }
  clock.advance(POLICY.freshForMs)
  source.before = () => Promise.reject(down)
  const rig = parts.use(await mirrorOn(source, { folder, clock }))
  const running = parts.move()
  return { rig, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

describe('an artifact', () => {
  it.each(['sig', 'att', 'sbom'])(
    "is pulled by cosign's tag sha256-<digest>.%s",
    async (suffix) => {
      const tag = `${referrersTag(amd.root.digest)}.${suffix}`
      await using test = await afterOutage({ [tag]: cosign }, async (rig) => {
        expect(await pull(rig, tag)).toMatchObject({ outcome: 'miss' })
      })
      const manifest = await pull(test.rig, tag)
      expect(manifest?.outcome).toBe('stale')
      expect(Buffer.from(manifest!.bytes)).toEqual(bytesOf(cosign))
    },
  )

  it('is served with upstream down though clients took only a part of it', async () => {
    const images = { signature, sbom }
    const withoutConfig = { ...signature, blobs: new Map([...signature.blobs].slice(1)) }
    const [payload] = withoutConfig.blobs.keys()
    await using test = await afterOutage(images, async (rig) => {
      for (const artifact of Object.values(images)) await pullDigest(rig, artifact)
      await pullBlobs(rig, withoutConfig)
    })
    for (const artifact of Object.values(images)) {
      const manifest = await pullDigest(test.rig, artifact)
      expect(Buffer.from(manifest!.bytes)).toEqual(bytesOf(artifact))
    }
    const stat = await test.rig.mirror.statBlob(demo, payload!, { signal: never })
    expect(stat?.outcome).toBe('hit')
  })

  it('that was evicted, or never came, leaves its subject as it is', async () => {
    const tag = `${referrersTag(amd.root.digest)}.sig`
    await using test = await afterOutage({ '1': amd, [tag]: cosign, signature }, async (rig) => {
      await pull(rig, '1')
      await pullBlobs(rig, amd)
      await pull(rig, tag)
      await pullDigest(rig, signature)
      await until('all are held', async () => (await rig.inventory.totals()).entries === 6)
      for (const { root } of [cosign, signature]) {
        expect(await rig.holdings.evict(root.digest, () => true)).toHaveLength(1)
      }
    })
    expect(await pull(test.rig, '1')).toMatchObject({ descriptor: amd.root, outcome: 'stale' })
  })

  it('outlives its subject', async () => {
    await using test = await afterOutage({ '1': amd, signature }, async (rig) => {
      await pull(rig, '1')
      await pullDigest(rig, signature)
      await until('both are held', async () => (await rig.inventory.totals()).entries === 2)
      await rig.holdings.evict(amd.root.digest, () => true)
    })
    expect(await pullDigest(test.rig, signature)).toMatchObject({ outcome: 'hit' })
  })
})

describe('an index', () => {
  it('of artifacts is served with upstream down when one of them is held', async () => {
    const list = buildReferrersIndex([signature, sbom])
    const tag = referrersTag(amd.root.digest)
    await using test = await afterOutage({ [tag]: list }, async (rig) => {
      await pull(rig, tag)
      await pullDigest(rig, sbom)
    })
    const manifest = await pull(test.rig, tag)
    expect(parseReferrers(manifest!.bytes)).toEqual([signature.referrer, sbom.referrer])
  })

  it('is served with upstream down when its image is held without its attestation', async () => {
    await using test = await afterOutage({ '1': attested }, async (rig) => {
      await pull(rig, '1')
      await pullDigest(rig, amd)
      await pullBlobs(rig, amd)
    })
    expect(await pull(test.rig, '1')).toMatchObject({ descriptor: attested.root })
    expect(await caught(pullDigest(test.rig, attestation))).toBe(down)
  })

  it('is not served with upstream down when nothing but an attestation is held', async () => {
    await using test = await afterOutage({ '1': attested }, async (rig) => {
      await pull(rig, '1')
      await pullDigest(rig, attestation)
      await pullBlobs(rig, attestation)
    })
    expect(await caught(pull(test.rig, '1'))).toBe(down)
    expect(await pullDigest(test.rig, attestation)).toMatchObject({ outcome: 'hit' })
  })

  it('may lack images at upstream: the others are pulled, and those are absent', async () => {
    const sparse = {
      ...index,
      manifests: new Map([...index.manifests].filter(([digest]) => digest !== arm.root.digest)),
    }
    const source = upstreamSource()
    source.add(demo, '1', sparse)
    await using rig = await mirrorOn(source)
    expect(await pull(rig, '1')).toMatchObject({ descriptor: index.root })
    expect(await pullDigest(rig, amd)).toMatchObject({ descriptor: amd.root })
    expect(await pullDigest(rig, arm)).toBeUndefined()
  })
})
