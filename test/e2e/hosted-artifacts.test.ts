import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { referrersTag } from '../../src/oci/referrers.ts'
import {
  buildArtifact,
  buildCosignSignature,
  buildReferrersIndex,
  SBOM_TYPE,
  SIGNATURE_TYPE,
} from '../support/artifacts.ts'
import { startRegctl, type Regctl } from '../support/clients/regctl.ts'
import { eventually } from '../support/eventually.ts'
import { startFakeHub, type FakeHub } from '../support/fake-hub/fake-hub.ts'
import { buildImage } from '../support/images.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { haveTools } from '../support/tools.ts'
import { PUSHED_BY_ALL } from './hosted-stage.ts'

const MIRRORED = 'library/signed:1'
const HOSTED = 'private/signed:1'

const image = await buildImage({ seed: 'signed' })
const listTag = referrersTag(image.root.digest)

describe.runIf(haveTools('regctl'))('regctl at the hosted namespace', () => {
  let stack: AsyncDisposableStack
  let audit: string
  let hub: FakeHub
  let mirror: MirrorProcess
  let regctl: Regctl

  beforeEach(async () => {
    stack = new AsyncDisposableStack()
    // It has the tags instead of the referrers API.
    hub = stack.use(await startFakeHub({ referrersPerPage: 'missing' }))
    hub.add('library/signed', '1', image)
    audit = join(stack.use(await temporaryFolder()).path, 'audit.log')
    const config = { ...PUSHED_BY_ALL, audit: { file: audit } }
    mirror = stack.use(await MirrorProcess.start({ upstreamUrl: hub.url, config }))
    regctl = stack.use(await startRegctl(mirror.host))
  })

  afterEach(() => stack.disposeAsync())

  it('pushes what is about an image, finds it by its type, and deletes it', async () => {
    await regctl.push(MIRRORED, HOSTED)
    const signature = await regctl.putArtifact(HOSTED, SIGNATURE_TYPE, 'signed')
    const sbom = await regctl.putArtifact(HOSTED, SBOM_TYPE, 'made of')
    expect(await digests(regctl.referrers(HOSTED))).toEqual([signature, sbom].toSorted())
    expect(await digests(regctl.referrers(HOSTED, SBOM_TYPE))).toEqual([sbom])
    expect(await regctl.artifact(HOSTED, SIGNATURE_TYPE)).toBe('signed')
    // Who is told with OCI-Subject that there is an API pushes no tag instead.
    expect(await regctl.tags('private/signed')).toEqual(['1'])
    await regctl.deleteManifest(`private/signed@${signature}`)
    expect(await digests(regctl.referrers(HOSTED))).toEqual([sbom])
  })

  it('copies an image with all that is about it from where there are only tags for that', async () => {
    const signature = buildArtifact({ subject: image.root })
    const sbom = buildArtifact({ subject: image.root, artifactType: SBOM_TYPE })
    for (const artifact of [signature, sbom]) hub.addUntagged('library/signed', artifact)
    hub.add('library/signed', listTag, buildReferrersIndex([signature, sbom]))
    hub.add('library/signed', `${listTag}.sig`, buildCosignSignature(image.root.digest))
    await regctl.push(MIRRORED, HOSTED)
    const before = hub.requests.length
    const both = [signature, sbom].map(({ root }) => root.digest).toSorted()
    expect(await digests(regctl.referrers(HOSTED))).toEqual(both)
    const content = [...sbom.blobs.values()].at(-1)!.toString()
    expect(await regctl.artifact(HOSTED, SBOM_TYPE)).toBe(content)
    expect(await regctl.tags('private/signed')).toContain(`${listTag}.sig`)
    expect(hub.requests.slice(before)).toEqual([])
  })

  it('mounts what it has pulled: no layer is sent', async () => {
    await regctl.copyAll(MIRRORED)
    await regctl.push(MIRRORED, HOSTED)
    // The log is written a moment later than the answer.
    const all = await eventually('the end of the push', async () => {
      const lines = (await readFile(audit, 'utf8')).split('\n').slice(0, -1)
      const parsed = lines.map((line) => JSON.parse(line) as { action: string; kind: string })
      return parsed.some(isManifestPush) ? parsed : undefined
    })
    const done = (action: string) => all.filter((line) => line.action === action)
    expect(done('mount')).toHaveLength(image.blobs.size)
    expect(done('push').filter((line) => !isManifestPush(line))).toEqual([])
  })
})

function isManifestPush({ action, kind }: { action: string; kind: string }): boolean {
  return action === 'push' && kind === 'manifest'
}

async function digests(
  listing: Promise<readonly { digest: string }[]>,
): Promise<readonly string[]> {
  return (await listing).map(({ digest }) => digest).toSorted()
}
