import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Scrub } from '../../src/cache/scrub.ts'
import type { Progress } from '../../src/cache/operations.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { caught } from '../support/caught.ts'
import { blobPath, damages, quarantinePath } from '../support/damage.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { buildImage, buildIndex } from '../support/images.ts'
import { upstreamError, type ScriptedSource } from '../support/scripted-source.ts'
import { isPending, until } from '../support/turns.ts'
import {
  byDigest,
  demo,
  mirrorOn,
  never,
  pullBlobs,
  tagged,
  upstreamSource,
  type MirrorRig,
  type MirrorRigOptions,
} from './mirror-rig.ts'

const image = await buildImage({ layers: 3 })
const index = buildIndex({ amd64: image })
const [layer = index.root.digest] = image.blobs.keys()
const contents = [...index.manifests.keys(), ...index.blobs.keys()].sort()
const sizes = new Map<Digest, number>([
  ...Array.from(index.manifests, ([digest, { bytes }]) => [digest, bytes.length] as const),
  ...Array.from(index.blobs, ([digest, bytes]) => [digest, bytes.length] as const),
])
const totalBytes = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)

/** So many that nobody waits. */
const UNBOUNDED = 1e12

interface ScrubRig extends MirrorRig {
  source: ScriptedSource
  /** Of the scrub, for which nobody else waits. */
  clock: FakeClock
  scrub: (bytesPerSecond?: number) => Scrub
}

/** A mirror that holds the index with its image. */
async function holding(options: MirrorRigOptions = {}): Promise<ScrubRig> {
  const source = upstreamSource()
  source.add(demo, 'latest', index)
  const rig = await mirrorOn(source, options)
  await rig.mirror.manifest(tagged('latest'), { signal: never })
  await rig.mirror.manifest(byDigest(image.root.digest), { signal: never })
  await pullBlobs(rig, image)
  for (const digest of contents) await until('it is held', () => rig.inventory.held(digest))
  source.asked.length = 0
  const { layers, holdings, pins, mirror, events } = rig
  const { inventory } = holdings
  const mirrors = new Map([['docker.io', mirror]])
  const clock = new FakeClock()
  const scrub = (bytesPerSecond = UNBOUNDED) =>
    new Scrub({ layers, inventory, holdings, pins, mirrors, bytesPerSecond, clock, events })
  return { ...rig, source, clock, scrub }
}

/** Makes a pass, for which the clock is moved on where it waits. */
async function passed(rig: ScrubRig, scrub = rig.scrub(), signal = never) {
  const progress: Progress[] = []
  const running = scrub.run(signal, (one) => progress.push(one))
  await advanceUntilSettled(rig.clock, running)
  return { summary: await running, progress }
}

async function advanceUntilSettled(clock: FakeClock, running: Promise<unknown>): Promise<void> {
  // What it reads takes no time of this clock, however long that takes.
  while (await isPending(running)) if (clock.sleeping > 0) clock.advance(10)
}

async function asideIn({ folder }: MirrorRig): Promise<string[]> {
  return readdir(join(folder, 'quarantine')).catch(() => [])
}

describe('scrub', () => {
  it('reads everything that is held, and leaves alone what is right', async () => {
    await using rig = await holding()
    const { summary, progress } = await passed(rig)
    expect(summary).toEqual({ contents: contents.length, bytes: totalBytes, quarantined: 0 })
    expect(progress.at(-1)).toEqual({ done: totalBytes, total: totalBytes, unit: 'bytes' })
    expect((await rig.inventory.contents(undefined, 100)).map(({ digest }) => digest)).toEqual(
      contents,
    )
    expect(await asideIn(rig)).toEqual([])
  })

  it.each(['flip', 'cut', 'lose'] as const)(
    'finds content that the disk has changed (%s), which the next pull fills again',
    async (damage) => {
      await using rig = await holding()
      await damages[damage](rig.folder, layer)
      expect((await passed(rig)).summary).toMatchObject({ quarantined: 1 })
      expect(rig.logged('content lost')).toHaveLength(1)
      expect(await rig.inventory.held(layer)).toBeUndefined()
      expect(await rig.store.stat(layer)).toBeUndefined()
      expect(await asideIn(rig)).toHaveLength(damage === 'lose' ? 0 : 1)
      expect(rig.source.asked).toEqual([])
      await pullBlobs(rig, image)
      expect(rig.source.asked).toEqual([`blob ${demo}@${layer}`])
      expect((await readFile(blobPath(rig.folder, layer))).equals(image.blobs.get(layer)!)).toBe(
        true,
      )
      expect((await passed(rig)).summary).toMatchObject({ quarantined: 0 })
    },
  )

  it('sees to it that a wrong manifest in memory is not what is kept', async () => {
    await using rig = await holding()
    await damages.flip(rig.folder, image.root.digest)
    await passed(rig)
    const again = await rig.mirror.manifest(byDigest(image.root.digest), { signal: never })
    expect(again).toMatchObject({ outcome: 'miss' })
    await until('it is held', () => rig.inventory.held(image.root.digest))
  })

  it('does not lose what is filled again while it is looked at', async () => {
    await using rig = await holding()
    await damages.flip(rig.folder, layer)
    rig.inventorySteps.lineage = async (ask) => {
      // Somebody else has found it, and it was pulled.
      await rig.holdings.recheck(layer)
      await pullBlobs(rig, image)
      return ask()
    }
    expect((await passed(rig)).summary).toMatchObject({ quarantined: 0 })
    expect(rig.logged('content lost')).toHaveLength(1)
    expect(await rig.inventory.held(layer)).toBeDefined()
  })
})

describe('what is pinned', () => {
  const pinned = { pins: ['docker.io/library/demo:latest'] }

  it('is filled again at once, whatever part of the image it is', async () => {
    await using rig = await holding(pinned)
    for (const digest of contents) {
      await damages.flip(rig.folder, digest)
      expect((await passed(rig)).summary).toMatchObject({ quarantined: 1 })
      await until('it is held again', () => rig.inventory.held(digest))
      await until('the fill has ended', () => rig.fills.list().length === 0)
      const kind = index.manifests.has(digest) ? 'manifest' : 'blob'
      expect(rig.source.asked.splice(0)).toEqual([`${kind} ${demo}@${digest}`])
    }
    expect((await passed(rig)).summary).toMatchObject({ quarantined: 0 })
  })

  it('is filled by the next pull where upstream does not answer', async () => {
    await using rig = await holding(pinned)
    await damages.flip(rig.folder, layer)
    rig.source.before = () => Promise.reject(upstreamError('unreachable'))
    expect((await passed(rig)).summary).toMatchObject({ quarantined: 1 })
    expect(rig.logged('refill failed')).toHaveLength(1)
    rig.source.before = () => Promise.resolve()
    await pullBlobs(rig, image)
    expect(await rig.inventory.held(layer)).toBeDefined()
  })
})

describe('a pass', () => {
  it('takes as long as its rate says', async () => {
    await using rig = await holding()
    const startMs = rig.clock.now()
    // Opening counts as well, and the first tenth of a second is free.
    const costBytes = totalBytes + contents.length * 64 * 1024
    await passed(rig, rig.scrub(costBytes / 10))
    expect(rig.clock.now() - startMs).toBeGreaterThan(9_000)
    expect(rig.clock.now() - startMs).toBeLessThan(11_000)
  })

  it('goes on where it was stopped, and counts as one', async () => {
    await using rig = await holding()
    await damages.flip(rig.folder, contents[0]!)
    const opened: string[] = []
    const stop = new AbortController()
    rig.storeSteps.open = (open) => {
      if (opened.push('') === 4) stop.abort(new Error('stopping'))
      return open()
    }
    const running = rig.scrub().run(stop.signal, () => {})
    const stopped = caught(running)
    await advanceUntilSettled(rig.clock, stopped)
    expect(await stopped).toMatchObject({ message: 'stopping' })
    const readAgain = opened.splice(0).length
    const { summary, progress } = await passed(rig)
    // The wrong one was opened twice, and the one that was cut short again.
    expect(readAgain + opened.length).toBe(contents.length + 2)
    expect(summary).toEqual({ contents: contents.length, bytes: totalBytes, quarantined: 1 })
    expect(progress[0]!.done).toBeGreaterThan(sizes.get(contents[0]!)!)
    expect((await passed(rig)).summary).toMatchObject({ contents: contents.length - 1 })
  })

  it('keeps its place while it runs, for a start after a kill', async () => {
    await using rig = await holding()
    const costBytes = totalBytes + contents.length * 64 * 1024
    const kept: unknown[] = []
    rig.inventorySteps.putJobState = async (put) => {
      await put()
      kept.push(await rig.inventory.jobState('scrub.pass'))
    }
    await passed(rig, rig.scrub(costBytes / 60))
    const places = kept.map((pass) => String((pass as { after?: Digest } | null)?.after))
    expect(places.length).toBeGreaterThan(3)
    expect(places.pop()).toBe('undefined')
    expect(places).toEqual(places.toSorted())
    expect(contents).toContain(places[0])
  })

  it('passes over what cannot be opened, and reports it', async () => {
    await using rig = await holding()
    let calls = 0
    rig.storeSteps.open = (open) =>
      ++calls === 2 ? Promise.reject(new StoreError('io', 'no permission')) : open()
    const { summary } = await passed(rig)
    expect(summary).toMatchObject({ contents: contents.length, quarantined: 0 })
    expect(rig.logged('store failed')).toHaveLength(1)
    expect(await rig.inventory.held(contents[1]!)).toBeDefined()
  })

  it('ends when nothing can be opened, and gives up nothing', async () => {
    await using rig = await holding()
    for (const text of ['a', 'b', 'c', 'd', 'e']) {
      const more = await buildImage({ seed: text })
      rig.source.add(demo, text, more)
      await pullBlobs(rig, more)
    }
    const broken = new StoreError('io', 'no disk')
    rig.storeSteps.open = () => Promise.reject(broken)
    const running = caught(rig.scrub().run(never, () => {}))
    await advanceUntilSettled(rig.clock, running)
    expect(await running).toBe(broken)
    expect(rig.logged('content lost')).toEqual([])
  })

  it('does not need the bytes of what is evicted meanwhile', async () => {
    await using rig = await holding()
    rig.storeSteps.open = async (open) => {
      delete rig.storeSteps.open
      for (const { digest } of await rig.inventory.evict(index.root.digest, () => true)) {
        await rig.files.store.delete([digest])
      }
      return open()
    }
    expect((await passed(rig)).summary).toMatchObject({ quarantined: 0 })
    expect(rig.logged('content lost')).toEqual([])
  })
})

it('what was set aside can be looked at', async () => {
  await using rig = await holding()
  await damages.flip(rig.folder, layer)
  const wrong = await readFile(blobPath(rig.folder, layer))
  await passed(rig)
  expect((await readFile(quarantinePath(rig.folder, layer))).equals(wrong)).toBe(true)
})
