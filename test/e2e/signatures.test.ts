import { describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { referrersTag } from '../../src/oci/referrers.ts'
import {
  buildArtifact,
  buildCosignSignature,
  buildReferrersIndex,
  SBOM_TYPE,
  SIGNATURE_TYPE,
  type TestArtifact,
} from '../support/artifacts.ts'
import { startRegctl } from '../support/clients/regctl.ts'
import { eventually } from '../support/eventually.ts'
import { startFakeHub, type FakeHub } from '../support/fake-hub/fake-hub.ts'
import { buildImage, type TestImage } from '../support/images.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { haveTools } from '../support/tools.ts'

const REPOSITORY = 'library/signed'
const NAME = `${REPOSITORY}:1`

const image = await buildImage({ seed: 'signed' })
const annotations = { 'org.example.signer': 'somebody' }
const signature = buildArtifact({ subject: image.root, annotations })
const sbom = buildArtifact({ subject: image.root, artifactType: SBOM_TYPE })
const EMPTY_CONFIG = digestOf(Buffer.from('{}'))
const cosign = buildCosignSignature(image.root.digest)

/** An image with all that is about it; the list is where the registry keeps it. */
async function startHub(referrersPerPage: number | 'missing'): Promise<FakeHub> {
  const hub = await startFakeHub({ referrersPerPage })
  const listTag = referrersTag(image.root.digest)
  hub.add(REPOSITORY, '1', image)
  for (const artifact of [signature, sbom]) hub.addUntagged(REPOSITORY, artifact)
  hub.add(REPOSITORY, `${listTag}.sig`, cosign)
  if (referrersPerPage === 'missing') {
    hub.add(REPOSITORY, listTag, buildReferrersIndex([signature, sbom]))
  }
  return hub
}

function digestsOf(...images: TestImage[]): string[] {
  return images.flatMap(({ manifests, blobs }) => [...manifests.keys(), ...blobs.keys()])
}

function payloadOf({ blobs }: TestArtifact): string {
  return [...blobs.values()].at(-1)!.toString()
}

describe.runIf(haveTools('regctl')).each([
  ['has the referrers API, page by page', 1],
  ['has the tags instead', 'missing'],
] as const)('regctl, an upstream that %s', (_, referrersPerPage) => {
  it('gets an image with its signatures, also with the upstream down and after a restart', async () => {
    await using hub = await startHub(referrersPerPage)
    await using mirror = await MirrorProcess.start({ upstreamUrl: hub.url, freshFor: '1m' })
    await using regctl = await startRegctl(mirror.host)
    const everything = digestsOf(image, signature, sbom, cosign)
    // What every artifact has as its config comes with the manifest, so that nobody pulls it.
    const pulled = new Set(everything.filter((digest) => digest !== EMPTY_CONFIG))

    const getAll = async () => {
      expect(await regctl.referrers(NAME)).toEqual([signature.referrer, sbom.referrer])
      expect(await regctl.artifact(NAME, SIGNATURE_TYPE)).toBe(payloadOf(signature))
      expect(await regctl.artifact(NAME, SBOM_TYPE)).toBe(payloadOf(sbom))
      const copied = await regctl.copyAll(NAME)
      for (const digest of everything) expect(copied).toContain(digest)
    }

    await getAll()
    await eventually('all is kept', async () => {
      const { fills, store } = await mirror.stats()
      return fills.length === 0 && store.entries >= pulled.size
    })

    await hub.goDown()
    await mirror.stop()
    await mirror.restart()
    await mirror.later()
    await getAll()
  })
})
