import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ALL_CLIENTS } from '../support/clients/all-clients.ts'
import { eventually } from '../support/eventually.ts'
import { expectHeld } from '../support/expect-held.ts'
import { smallDisk } from '../support/small-disk.ts'
import { haveTools } from '../support/tools.ts'
import { downloadOf, pullKept, startClientStage, type ClientStage } from './stage.ts'

const MIB = 1024 * 1024
const DISK = { sizeBytes: 48 * MIB }
const ONE_LAYER = { layers: 1 }

const skopeo = ALL_CLIENTS.find(({ name }) => name === 'skopeo')!

describe.runIf(haveTools(...skopeo.tools))('a data folder on a small disk', () => {
  it('makes room while an image comes that needs more than is left', async (context) => {
    await using disk = await smallDisk(context, DISK)
    await using stage = await startSmallStage(disk.path)
    const { mirror } = stage
    const old = await stage.publish({ ...ONE_LAYER, layerBytes: 24 * MIB })
    await pullKept(stage, old)
    await mirror.later()
    const large = await stage.publish({ layers: 3, layerBytes: 10 * MIB })
    await pullKept(stage, large)
    expect(await repositories(stage)).toEqual([large.repository])
    expect((await mirror.stats()).eviction.isSpaceFull).toBe(false)
  })

  it('that is full at the start is started on, and has room for what is pulled', async (context) => {
    await using disk = await smallDisk(context, DISK)
    await using stage = await startSmallStage(disk.path)
    const { mirror } = stage
    const old = await stage.publish({ ...ONE_LAYER, layerBytes: 24 * MIB })
    await pullKept(stage, old)
    await mirror.later()
    await mirror.stop()
    await fill(join(disk.path, 'of-others'))
    await mirror.restart()
    const next = await stage.publish({ ...ONE_LAYER, layerBytes: 9 * MIB })
    await pullKept(stage, next)
    expect(await repositories(stage)).toEqual([next.repository])
  })

  it('runs full in the middle of a pull, which goes on; what is small is kept again later', async (context) => {
    await using disk = await smallDisk(context, DISK)
    await using stage = await startSmallStage(disk.path)
    const { hub, mirror, client } = stage
    const recent = await stage.publish({ ...ONE_LAYER, layerBytes: 24 * MIB })
    await pullKept(stage, recent)
    const before = await eventually('the pass at the start', async () => {
      return (await mirror.stats()).eviction.lastPass
    })

    const large = await stage.publish({ ...ONE_LAYER, layerBytes: 30 * MIB })
    const [layer = ''] = large.image.blobs.keys()
    await client.pull(large.byTag)
    await expectHeld(client, large.byTag, large.image)
    // What did not fit came past the cache, from where the disk had ended.
    expect(hub.matching({ kind: 'cdn', digest: layer }).map(({ status }) => status)).toEqual([
      200, 206,
    ])
    await eventually('it is told', () => {
      return mirror.output.includes('"msg":"space is full, nothing new is kept"')
    })
    await eventually('an eviction pass that nobody scheduled', async () => {
      const { lastPass } = (await mirror.stats()).eviction
      return lastPass?.startedAt !== before.startedAt
    })
    expect(await repositories(stage)).not.toContain(large.repository)

    await mirror.later()
    const small = await stage.publish({ layerBytes: MIB })
    await pullKept(stage, small)
    expect(await repositories(stage)).toContain(small.repository)
    await hub.goDown()
    await client.empty()
    await client.pull(small.byTag)
    await expectHeld(client, small.byTag, small.image)
  })

  it('that others fill in the middle of a pull has room for it again by itself', async (context) => {
    await using disk = await smallDisk(context, DISK)
    await using stage = await startSmallStage(disk.path)
    const { hub, mirror } = stage
    const old = await stage.publish({ ...ONE_LAYER, layerBytes: 12 * MIB })
    await pullKept(stage, old)
    await mirror.later()
    expect(await repositories(stage)).toEqual([old.repository])

    const next = await stage.publish({ ...ONE_LAYER, layerBytes: 9 * MIB })
    const [layer = ''] = next.image.blobs.keys()
    const half = hub.fault(downloadOf(layer), { kind: 'hold', atByte: 7 * MIB })
    const pulling = pullKept(stage, next)
    await half.held()
    await eventually('the manifest is kept', async () => {
      return (await mirror.listed()).some(({ digest }) => digest === next.image.root.digest)
    })
    await fill(join(disk.path, 'of-others'))
    half.release()
    await pulling
    await eventually('it was full', () => mirror.output.includes('space is full'))
    await eventually('there is room again', async () => {
      return !(await mirror.stats()).eviction.isSpaceFull
    })
    await eventually('it is told', () => mirror.output.includes('"msg":"space is back"'))
    // It has waited for what was cold to go.
    expect(await repositories(stage)).toEqual([next.repository])
  })
})

/** On which no pass is made that is not urged. */
function startSmallStage(volume: string): Promise<ClientStage> {
  const eviction = { minFree: '4MiB', every: '1h' }
  return startClientStage(skopeo, { volume, config: { eviction } })
}

/** Those of which something is listed that is whole. */
async function repositories({ mirror }: ClientStage): Promise<string[]> {
  const whole = (await mirror.listed()).filter(({ missingBytes }) => missingBytes === 0)
  return whole.map(({ repository }) => repository.replace('docker.io/', ''))
}

/** Writes a file until the disk takes no more. */
async function fill(path: string): Promise<void> {
  await using file = await open(path, 'w')
  const chunk = Buffer.alloc(64 * 1024)
  const writing = (async () => {
    for (;;) await file.write(chunk)
  })()
  await expect(writing).rejects.toThrow(/ENOSPC/)
}
