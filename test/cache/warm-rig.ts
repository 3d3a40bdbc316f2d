import type { WarmedContent, WarmedImage } from '../../src/cache/operations.ts'
import { Warm } from '../../src/cache/warm.ts'
import { parsePlatform } from '../../src/oci/platform.ts'
import { Guard } from '../../src/policy/guard.ts'
import { Rules } from '../../src/policy/rules.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { buildImage, buildIndex } from '../support/images.ts'
import {
  demo,
  mirrorOn,
  never,
  tagged,
  upstreamSource,
  type MirrorRig,
  type MirrorRigOptions,
} from './mirror-rig.ts'
import type { ScriptedSource } from '../support/scripted-source.ts'

export const amd64 = await buildImage({ seed: 'amd64', architecture: 'amd64' })
export const arm64 = await buildImage({ seed: 'arm64', architecture: 'arm64' })
export const attestation = await buildImage({ seed: 'attestation', layers: 1 })
/** For two platforms, one of them with an attestation. */
export const index = buildIndex({ amd64, 'arm64/v8': arm64 }, 'oci', { amd64: attestation })

export interface WarmRig extends MirrorRig {
  source: ScriptedSource
  clock: FakeClock
  /** How the upstream's limit stands. */
  budget: { isLow: boolean }
  warm: Warm
  /** Warms images of the repository by their tags; what is told of each content is gathered. */
  run: (
    tags: string[],
    options?: { platforms?: string[]; signal?: AbortSignal; items?: WarmedContent[] },
  ) => Promise<WarmedImage[]>
}

/** Warming into a mirror whose upstream has the index, as `latest`. */
export async function warmRig(
  options: MirrorRigOptions & { deny?: string[] } = {},
): Promise<WarmRig> {
  const source = upstreamSource()
  source.add(demo, 'latest', index)
  const clock = new FakeClock()
  const rig = await mirrorOn(source, { clock, ...options })
  const budget = { isLow: false }
  const upstream = {
    source: new Guard(
      rig.mirror,
      new Rules('docker.io', { allow: ['**'], deny: options.deny ?? [] }),
    ),
    mirror: rig.mirror,
    isLow: () => budget.isLow,
  }
  const { fills, leases, events } = rig
  const upstreams = new Map([['docker.io', upstream]])
  const warm = new Warm({ upstreams, fills, leases, clock, events })
  return {
    ...rig,
    source,
    clock,
    budget,
    warm,
    run(tags, { platforms = [], signal = never, items = [] } = {}) {
      const request = {
        images: tags.map((tag) => ({ registry: 'docker.io', reference: tagged(tag) })),
        platforms: platforms.map((text) => parsePlatform(text)!),
      }
      const item = (content: WarmedContent) => Promise.resolve(void items.push(content))
      return warm.run(request, { progress: () => undefined, item, signal })
    },
    async [Symbol.asyncDispose]() {
      await warm[Symbol.asyncDispose]()
      await rig[Symbol.asyncDispose]()
    },
  }
}
