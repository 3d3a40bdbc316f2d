import type { TagPolicy } from '../../src/cache/tag-freshness.ts'
import type { FreezeAt } from '../../src/cache/tag-operations.ts'
import type { Tag } from '../../src/oci/reference.ts'
import { FakeClock } from '../support/fake-clock.ts'
import type { TestImage } from '../support/images.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import {
  demo,
  type MirrorRig,
  mirrorOn,
  never,
  POLICY,
  pullBlobs,
  tagged,
  upstreamSource,
} from './mirror-rig.ts'

export const name = { repository: { registry: 'docker.io', name: demo }, tag: 'latest' as Tag }

const latest = tagged('latest')

/** A mirror that has all of an image under `latest`, at the start of its clock; nothing asked since. */
export async function tagRig(image: TestImage, policy: Partial<TagPolicy> = {}) {
  const folder = await temporaryFolder()
  const source = upstreamSource()
  const clock = new FakeClock()
  const startMs = clock.now()
  const start = () => mirrorOn(source, { clock, folder: folder.path, policy })
  let rig = await start()
  const test = {
    source,
    clock,
    startMs,
    get rig(): MirrorRig {
      return rig
    },
    get control() {
      return rig.tagControl
    },
    pull: () => rig.mirror.manifest(latest, { signal: never }),
    look: () => rig.mirror.resolve(latest, { signal: never }),
    /** Upstream moves the tag, and the mirror hears of it. */
    move(to: TestImage) {
      source.add(demo, 'latest', to)
      clock.advance(POLICY.freshForMs)
      return test.pull()
    },
    async evict({ root }: TestImage) {
      await rig.holdings.evict(root.digest, () => true)
    },
    release: () => rig.tagControl.release(name, never),
    freeze: (at?: FreezeAt) => rig.tagControl.freeze(name, at, never),
    unfreeze: () => rig.tagControl.unfreeze(name),
    async restart() {
      await rig[Symbol.asyncDispose]()
      rig = await start()
    },
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
  source.add(demo, 'latest', image)
  await test.pull()
  await pullBlobs(rig, image)
  source.asked.length = 0
  return test
}
