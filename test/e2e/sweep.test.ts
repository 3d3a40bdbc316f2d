import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SweepEntry } from '../../src/admin-api.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { ALL_CLIENTS } from '../support/clients/all-clients.ts'
import { blobPath, damages } from '../support/damage.ts'
import { eventually } from '../support/eventually.ts'
import { haveTools } from '../support/tools.ts'
import { pullKept, startClientStage, type ClientStage } from './stage.ts'

const skopeo = ALL_CLIENTS.find(({ name }) => name === 'skopeo')!

describe.runIf(haveTools(...skopeo.tools))('a sweep', () => {
  let stage: ClientStage

  beforeEach(async () => {
    stage = await startClientStage(skopeo)
  })

  afterEach(() => stage[Symbol.asyncDispose]())

  it('rebuilds an inventory that was lost: no blob comes from upstream again', async () => {
    const { hub, client, mirror } = stage
    const published = await stage.publish()
    await pullKept(stage, published)
    const { entries, bytes } = (await mirror.stats()).store
    await mirror.stop()
    for (const suffix of ['', '-wal', '-shm']) {
      await rm(join(mirror.dataFolder, `inventory.db${suffix}`), { force: true })
    }
    await mirror.restart()
    await eventually('all is adopted', async () => (await mirror.stats()).store.entries === entries)
    expect((await mirror.stats()).store.bytes).toBe(bytes)

    await client.empty()
    hub.forgetRequests()
    await pullKept(stage, published)
    expect(hub.count({ kind: 'cdn', method: 'GET' })).toBe(0)
    expect(hub.count({ kind: 'blob', method: 'GET' })).toBe(0)
    expect(hub.count({ kind: 'blob', method: 'HEAD' })).toBeGreaterThan(0)

    await hub.goDown()
    await client.empty()
    await pullKept(stage, published)
    expect(await mirror.listed()).toMatchObject([
      { repository: `docker.io/${published.repository}`, tags: ['1'], bytes, missingBytes: 0 },
    ])
  })

  it('finds what does not fit; a dry run tells it and changes nothing', async () => {
    const { hub, mirror } = stage
    const published = await stage.publish()
    await pullKept(stage, published)
    const [lost] = [...published.image.blobs.keys()]
    await damages.lose(mirror.dataFolder, lost!)
    const stray = Buffer.from('a blob of which nothing is known')
    const strayPath = blobPath(mirror.dataFolder, digestOf(stray))
    await mkdir(dirname(strayPath), { recursive: true })
    await writeFile(strayPath, stray)

    for (const run of [1, 2]) {
      const dry = await mirror.entrepot('sweep', '--dry-run', '--json')
      expect(dry.code, `run ${run}`).toBe(0)
      const lines = dry.stdout.trimEnd().split('\n')
      const found = lines.map((line) => JSON.parse(line) as SweepEntry)
      expect(new Map(found.map(({ name, action }) => [name, action]))).toEqual(
        new Map([
          [lost, 'forget'],
          [digestOf(stray), 'adopt'],
        ]),
      )
    }
    const sweep = await mirror.entrepot('sweep', '--json')
    expect(JSON.parse(sweep.stdout)).toEqual({ adopt: 1, quarantine: 0, forget: 1, remove: 0 })
    expect(await mirror.entrepot('sweep')).toMatchObject({ code: 0, stdout: 'nothing to sweep\n' })

    hub.forgetRequests()
    await stage.client.empty()
    await pullKept(stage, published)
    expect(hub.matching({ kind: 'cdn' }).map(({ digest }) => digest)).toEqual([lost])
  })
})
