import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Scrub } from '../../src/cache/scrub.ts'
import { CachedStore } from '../../src/store/cached-store.ts'
import { FileStore } from '../../src/store/file-store.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { ReadCache } from '../../src/store/read-cache.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { StoreEvents } from '../../src/telemetry/store-events.ts'
import { systemClock as clock } from '../../src/util/clock.ts'
import { damages } from '../support/damage.ts'
import { buildImage } from '../support/images.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/turns.ts'
import {
  demo,
  type MirrorRig,
  mirrorOn,
  never,
  pullBlobs,
  tagged,
  upstreamSource,
} from './mirror-rig.ts'

const GIB = 1024 ** 3
const image = await buildImage()
const manifest = image.root.digest
const [layer] = image.blobs.keys()

describe('content of which there is a copy nearby', () => {
  let rig: MirrorRig
  let cache: ReadCache
  let originals: MemoryStore
  let near: Awaited<ReturnType<typeof temporaryFolder>>

  beforeEach(async () => {
    near = await temporaryFolder()
    const events = new StoreEvents(pino({ level: 'silent' }), new Metrics())
    cache = await ReadCache.open({
      files: new FileStore({ blobs: join(near.path, 'blobs'), quarantine: near.path }),
      maxBytes: GIB,
      minFreeBytes: 0,
      disk: () => Promise.resolve({ freeBytes: GIB, totalBytes: GIB }),
      clock,
      events,
    })
    originals = new MemoryStore()
    const source = upstreamSource()
    source.add(demo, 'latest', image)
    rig = await mirrorOn(source, {
      front: ({ spools }) => new CachedStore({ originals, cache, spools, events }),
    })
    await rig.mirror.manifest(tagged('latest'), { signal: never })
    await pullBlobs(rig, image)
    await until('it is held', () => rig.inventory.held(manifest))
  })

  afterEach(async () => {
    await rig[Symbol.asyncDispose]()
    await near[Symbol.asyncDispose]()
  })

  function scrubbed() {
    const { layers, inventory, holdings, pins, events } = rig
    const mirrors = new Map()
    const content = { layers, inventory, holdings, pins, clock, events }
    return new Scrub({ ...content, mirrors, bytesPerSecond: GIB }).run(never, () => {})
  }

  it('is not lost when the copy is wrong, which a scrub removes', async () => {
    await damages.flip(near.path, layer!)
    expect(await scrubbed()).toMatchObject({ quarantined: 0 })
    expect(cache.has(layer!)).toBe(false)
    expect(cache.stats.entries).toBe(image.blobs.size)
    expect(rig.logged('content lost')).toEqual([])
  })

  it('is given up when the original is gone, however good the copy', async () => {
    await originals.delete([layer!])
    expect(await scrubbed()).toMatchObject({ quarantined: 1 })
    expect(cache.has(layer!)).toBe(false)
    expect(rig.logged('content lost')).toHaveLength(1)
  })

  it('is read from the original after a manifest turned out wrong', async () => {
    await damages.flip(near.path, manifest)
    const content = await rig.inventory.held(manifest)
    expect(await rig.holdings.readManifest(content!)).toBeUndefined()
    expect(await rig.holdings.readManifest(content!)).toBeDefined()
    expect(rig.logged('content lost')).toEqual([])
  })
})
