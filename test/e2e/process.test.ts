import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { describe, expect, it } from 'vitest'
import { digestOf, encodedOf } from '../../src/oci/digest.ts'
import { ALL_CLIENTS } from '../support/clients/all-clients.ts'
import { eventually } from '../support/eventually.ts'
import { expectHeld } from '../support/expect-held.ts'
import { fetchedDigest } from '../support/fetched.ts'
import { filesBelow } from '../support/files-below.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { haveTools } from '../support/tools.ts'
import { untilKept } from '../support/until-kept.ts'
import { downloadOf, pullWhole, startClientStage, startStage, type Published } from './stage.ts'

const SEED = 20_261_121
const ROUNDS = 10

describe('kill -9', () => {
  it(
    `at any moment leaves nothing that is wrong (seed ${SEED})`,
    { timeout: 120_000 },
    async () => {
      const random = seededRandom(SEED)
      await using stage = await startStage()
      const { hub, mirror } = stage
      const earlier: Published[] = []
      for (let round = 1; round <= ROUNDS; round++) {
        const next = await stage.publish({ layers: 4, layerBytes: 500_000 })
        const totalBytes = [...next.image.blobs.values()].reduce(
          (sum, { length }) => sum + length,
          0,
        )
        const slow = hub.fault({ server: 'cdn' }, { kind: 'slow', bytesPerSecond: 2_000_000 })
        hub.forgetRequests()
        const pulls = Promise.allSettled(
          [next, ...earlier.slice(-2)].map((each) => pullWhole(stage, each)),
        )
        const untilBytes = random() * totalBytes
        await eventually('bytes came', () => hub.bytesSent({ kind: 'cdn' }) >= untilBytes)
        await mirror.crash()
        await pulls
        slow.remove()

        const kept = await wholeBlobs(mirror.dataFolder)
        await mirror.restart()
        expect(await wholeBlobs(mirror.dataFolder)).toEqual(kept)
        expect((await filesBelow(mirror.dataFolder)).filter(isSpool)).toEqual([])
        await pullWhole(stage, next)
        await untilKept(mirror.adminUrl, next.image.root.digest, '1')
        earlier.push(next)
      }
      await hub.goDown()
      for (const each of earlier) await pullWhole(stage, each)
    },
  )

  it('leaves a data folder that the next process takes over', async () => {
    await using stage = await startStage()
    const published = await stage.publish()
    await pullWhole(stage, published)
    await untilKept(stage.mirror.adminUrl, published.image.root.digest, '1')
    await stage.mirror.crash()
    await stage.mirror.restart()
    stage.hub.forgetRequests()
    await pullWhole(stage, published)
    expect(stage.hub.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([])
  })
})

describe('a second process on the same data folder', () => {
  it('refuses to start, says which process holds it, and disturbs nothing', async () => {
    await using stage = await startStage()
    const { mirror } = stage
    await using second = await mirror.spawn()
    const { code } = await second.exited
    expect(code).toBeGreaterThan(0)
    expect(second.output).toContain(mirror.dataFolder)
    expect(second.output).toContain(`process ${mirror.pid} `)
    await pullWhole(stage, await stage.publish())
  })
})

describe('SIGTERM', () => {
  it('lets requests that run come to their end, takes no new ones, and exits with 0', async () => {
    await using stage = await startStage()
    const { hub, mirror } = stage
    const { repository, image } = await stage.publish({ layers: 1, layerBytes: 200_000 })
    const [layer = ''] = image.blobs.keys()
    const held = hub.fault({ server: 'cdn' }, { kind: 'hold', atByte: 100_000 })
    const pulling = fetchedDigest(`${mirror.url}/v2/${repository}/blobs/${layer}`)
    await held.held()
    const stopping = mirror.stop()
    await eventually('no new connections', () =>
      fetch(`${mirror.url}/v2/`).then(
        () => false,
        () => true,
      ),
    )
    held.release()
    expect(await pulling).toBe(layer)
    expect(await stopping).toEqual({ code: 0, signal: null })
  })

  it('exits at once with nothing to do', async () => {
    await using stage = await startStage()
    expect(await stage.mirror.stop()).toEqual({ code: 0, signal: null })
  })

  const docker = ALL_CLIENTS.find(({ name }) => name === 'docker')!
  it.runIf(haveTools(...docker.tools))('lets a docker pull come to its end', async () => {
    await using stage = await startClientStage(docker)
    const { hub, mirror, client, outside } = stage
    const { byTag, image } = await stage.publish({ layers: 1, layerBytes: 200_000 })
    const [digest = ''] = image.blobs.keys()
    const layer = hub.fault(downloadOf(digest), { kind: 'hold', atByte: 100_000 })
    const pulling = client.pull(byTag)
    await layer.held()
    // The config goes over a connection of its own.
    await eventually('only the layer is left', () => hub.count({ kind: 'cdn', status: 200 }) === 2)
    const stopping = mirror.stop()
    layer.release()
    await pulling
    await expectHeld(client, byTag, image)
    expect(await stopping).toEqual({ code: 0, signal: null })
    expect(outside.asked).toEqual([])
  })
})

/** Names of all files that are named by a digest; each is checked to have it. */
async function wholeBlobs(dataFolder: string): Promise<string[]> {
  const blobs = (await filesBelow(dataFolder)).filter((path) =>
    /^[0-9a-f]{64}$/.test(basename(path)),
  )
  for (const path of blobs) {
    expect(encodedOf(digestOf(await readFile(path)))).toBe(basename(path))
  }
  return blobs.sort()
}

function isSpool(path: string): boolean {
  return path.endsWith('.spool')
}
