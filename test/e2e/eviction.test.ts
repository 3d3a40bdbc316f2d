import { stat } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ImageEntry, RemovableEntry } from '../../src/admin-api.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { ALL_CLIENTS } from '../support/clients/all-clients.ts'
import type { Client } from '../support/clients/client.ts'
import { startPodman } from '../support/clients/podman.ts'
import { startSkopeo } from '../support/clients/skopeo.ts'
import { eventually } from '../support/eventually.ts'
import { expectHeld } from '../support/expect-held.ts'
import { filesBelow } from '../support/files-below.ts'
import { buildImage, buildIndex, type TestImage } from '../support/images.ts'
import type { MirrorProcess } from '../support/mirror-process.ts'
import { startOutside } from '../support/outside.ts'
import { haveTools } from '../support/tools.ts'
import { pullKept, startClientStage, startStage, type ClientStage } from './stage.ts'

const MIB = 1024 * 1024
const APP = { layerBytes: 400_000 }

describe.runIf(haveTools('skopeo', 'podman'))('a mirror that holds more than it may', () => {
  const eviction = {
    maxSize: '5MiB',
    highWatermark: 0.7,
    lowWatermark: 0.4,
    minFree: '1MiB',
    every: '1s',
    pins: ['docker.io/library/kept-by-config:1*'],
  }

  it('evicts what was not used for longest; what it lists comes whole with upstream down', async () => {
    await using stage = await startStage({ config: { eviction } })
    const { hub, mirror } = stage
    await using outside = await startOutside()
    await using skopeo = await startSkopeo({ mirror: mirror, outside })
    await using podman = await startPodman({ mirror: mirror, outside })
    const published = new Map<string, TestImage>()
    const pull = async (client: Client, repository: string, image: TestImage) => {
      hub.add(`library/${repository}`, '1', image)
      published.set(`library/${repository}:1`, image)
      await pullKept({ client, mirror }, { byTag: `library/${repository}:1`, image })
    }

    const pin = await mirror.entrepot('pin', 'kept-by-command')
    expect(pin).toMatchObject({ code: 0, stdout: 'pinned docker.io/library/kept-by-command\n' })
    await pull(skopeo, 'kept-by-config', await buildImage({ seed: 'kept by config' }))
    await pull(podman, 'kept-by-command', await buildImage({ seed: 'kept by command' }))
    for (let count = 1; count <= 8; count++) {
      const base = count % 2 === 0 ? 'base of the even' : 'base of the odd'
      const image = await buildImage({ ...APP, seed: `app ${count}`, base })
      await pull(count < 5 ? skopeo : podman, `app-${count}`, image)
    }
    await pull(skopeo, 'for-two', await buildForTwo('for two'))
    // podman takes only its own platform's part of it.
    await pull(podman, 'for-two-in-part', await buildForTwo('for two, in part'))
    const before = await mirror.listed()
    expect(namesOf(before)).toEqual([...published.keys()].sort())
    expect((await mirror.stats()).store.bytes).toBeGreaterThan(5 * MIB * eviction.highWatermark)

    await mirror.later()
    // What is evicted is not counted any more before its bytes are gone.
    await eventually('a pass has ended below the low watermark', async () => {
      const { store, eviction: passes } = await mirror.stats()
      return passes.state === 'idle' && store.bytes <= 5 * MIB * eviction.lowWatermark
    })
    const after = await mirror.listed()
    const names = namesOf(after)
    expect(names).toContain('library/kept-by-config:1')
    expect(names).toContain('library/kept-by-command:1')
    expect(names).toContain('library/for-two:1')
    const apps = [...published.keys()].filter((name) => name.startsWith('library/app-'))
    const appsLeft = names.filter((name) => name.startsWith('library/app-'))
    expect(appsLeft.length).toBeLessThan(apps.length)
    expect(appsLeft).toEqual(apps.slice(apps.length - appsLeft.length))
    await expectSameTotals(mirror, after, published)

    expect(after.map(({ missingBytes }) => missingBytes)).toEqual(after.map(() => 0))
    await hub.goDown()
    for (const client of [skopeo, podman]) {
      await client.empty()
      for (const name of names) {
        // skopeo takes all platforms, of which podman has left one upstream.
        if (client === skopeo && name === 'library/for-two-in-part:1') continue
        await client.pull(name)
        await expectHeld(client, name, published.get(name)!)
      }
    }
  })
})

const skopeo = ALL_CLIENTS.find(({ name }) => name === 'skopeo')!

describe.runIf(haveTools('skopeo'))('by command', () => {
  let stage: ClientStage

  beforeEach(async () => {
    stage = await startClientStage(skopeo)
  })

  afterEach(() => stage[Symbol.asyncDispose]())

  it('an image is purged, and comes from upstream again', async () => {
    const { hub, client, mirror } = stage
    const purged = await stage.publish({ base: 'shared' })
    const other = await stage.publish({ base: 'shared' })
    await pullKept(stage, purged)
    await pullKept(stage, other)

    const purge = await mirror.entrepot('purge', purged.byTag, '--json')
    expect(purge.code).toBe(0)
    // Its manifest, config and own layer; the base is needed.
    expect(JSON.parse(purge.stdout)).toMatchObject({ images: 1, contents: 3 })
    expect(namesOf(await mirror.listed())).toEqual([other.byTag])

    await client.empty()
    hub.forgetRequests()
    await client.pull(other.byTag)
    expect(hub.count({ server: 'registry', method: 'GET' })).toBe(0)
    await pullKept(stage, purged)
    expect(hub.count({ kind: 'manifest', method: 'GET', status: 200 })).toBe(1)
    expect(hub.count({ kind: 'cdn', status: 200 })).toBe(2)
  })

  it('images are evicted down to a size, in the order that a dry run tells', async () => {
    const { hub, client, mirror } = stage
    const published = [await stage.publish(APP), await stage.publish(APP), await stage.publish(APP)]
    for (const each of published) {
      await pullKept(stage, each)
      await mirror.later()
    }
    const [first, second, third] = published.map(({ byTag }) => byTag)
    const { bytes } = (await mirror.stats()).store
    const dry = await mirror.entrepot('evict', '--dry-run', '--json', '--to', '1MiB')
    expect(dry.code).toBe(0)
    const lines = dry.stdout.trimEnd().split('\n')
    const listed = lines.map((line) => JSON.parse(line) as RemovableEntry)
    expect(listed.map(({ names: [name] }) => name)).toEqual([
      { repository: `docker.io/${first?.slice(0, -2)}`, tags: ['1'] },
      { repository: `docker.io/${second?.slice(0, -2)}`, tags: ['1'] },
    ])
    expect((await mirror.stats()).store.bytes).toBe(bytes)
    expect(namesOf(await mirror.listed())).toHaveLength(3)

    const real = await mirror.entrepot('evict', '--to', '1MiB')
    expect(real).toMatchObject({ code: 0 })
    expect(real.stdout).toMatch(/^evicted 2 images, 8 contents: /)
    const left = await mirror.listed()
    expect(namesOf(left)).toEqual([third])
    await expectSameTotals(mirror, left, new Map([[third!, published[2]!.image]]))
    await hub.goDown()
    await client.empty()
    await client.pull(third!)
    await expectHeld(client, third!, published[2]!.image)
  })
})

async function buildForTwo(seed: string): Promise<TestImage> {
  return buildIndex({
    amd64: await buildImage({ seed: `${seed}/amd64` }),
    arm64: await buildImage({ seed: `${seed}/arm64`, architecture: 'arm64' }),
  })
}

/** As clients of docker.io call them. */
function namesOf(images: ImageEntry[]): string[] {
  const names = images.flatMap(({ repository, tags }) =>
    tags.map((tag) => `${repository.replace('docker.io/', '')}:${tag}`),
  )
  return names.sort()
}

/** Expects that what is listed, what the statistics tell and what is on the disk are the same. */
async function expectSameTotals(
  mirror: MirrorProcess,
  listed: ImageEntry[],
  published: Map<string, TestImage>,
): Promise<void> {
  const files = await filesBelow(`${mirror.dataFolder}/blobs`)
  const sizes = await Promise.all(files.map(async (path) => (await stat(path)).size))
  const { store } = await mirror.stats()
  expect(store.entries).toBe(files.length)
  expect(store.bytes).toBe(sum(sizes))
  const names = namesOf(listed)
  const blobs = names.flatMap((name) => [...published.get(name)!.blobs])
  const sharedBytes = new Map<Digest, number>()
  for (const [digest, { length }] of blobs) {
    if (blobs.filter(([other]) => other === digest).length > 1) sharedBytes.set(digest, length)
  }
  const ownBytes = listed.map((image) => image.bytes - image.sharedBytes)
  expect(sum(ownBytes) + sum([...sharedBytes.values()])).toBe(store.bytes)
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
