import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ENTREPOT } from '../cli/run-entrepot.ts'
import { ALL_CLIENTS } from '../support/clients/all-clients.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { RunningProcess } from '../support/processes.ts'
import { S3Server } from '../support/s3-server.ts'
import { haveTools } from '../support/tools.ts'
import { type ClientStage, type Published, pullKept, startClientStage } from './stage.ts'

const skopeo = ALL_CLIENTS.find(({ name }) => name === 'skopeo')!
/** In parts, where it goes to S3. */
const LAYER_BYTES = 12 * 1024 * 1024

const TO_S3 = ['migrate', '--from', 'file', '--to', 's3', '--json']
const TO_FILES = ['migrate', '--from', 's3', '--to', 'file', '--json']

/** Each goes on from the one before. */
describe.runIf(haveTools('versitygw', ...skopeo.tools))('content that moves', () => {
  const stack = new AsyncDisposableStack()
  const published: Published[] = []
  let stage: ClientStage
  let proxy: FaultProxy
  let store: Record<string, unknown>
  let held = { bytes: 0, entries: 0 }

  beforeAll(async () => {
    const s3 = stack.use(await S3Server.start())
    proxy = stack.use(await FaultProxy.start(s3.url))
    store = { ...s3.store(await s3.makeBucket()), endpoint: proxy.url.origin }
    stage = stack.use(await startClientStage(skopeo))
    for (const layers of [1, 2, 3]) {
      published.push(await stage.publish({ layers, layerBytes: LAYER_BYTES }))
      await pullKept(stage, published.at(-1)!)
    }
    const { bytes, entries } = (await stage.mirror.stats()).store
    held = { bytes, entries }
    await stage.hub.goDown()
  })

  afterAll(() => stack.disposeAsync())

  it('does not while the mirror runs', async () => {
    const { mirror } = stage
    await mirror.configure({ store })
    const { code, stderr } = await mirror.entrepot(...TO_S3)
    expect(code).toBe(1)
    expect(stderr).toContain(`${mirror.dataFolder} is in use by process ${mirror.pid}`)
    expect(stderr).toContain('stop it first')
    await mirror.stop()
  })

  it('may be interrupted, and goes on later, but for what is wrong', async () => {
    const { mirror } = stage
    const wrong = '0'.repeat(64)
    const shard = join(mirror.dataFolder, 'blobs', 'sha256', '00')
    await mkdir(shard, { recursive: true })
    await writeFile(join(shard, wrong), 'rotten')
    const isStalled = proxy.stall(/^PUT /, 8)
    const config = ['--config', mirror.configFile]
    await using migrating = new RunningProcess([...ENTREPOT, ...TO_S3, ...config])
    await isStalled
    migrating.kill('SIGINT')
    expect(await migrating.exited).toEqual({ code: 130, signal: null })
    expect(migrating.output).toContain('"isComplete": false')
    expect(migrating.output).toContain('interrupted; the same command goes on')
    proxy.goOn()

    const { code, stdout, stderr } = await mirror.entrepot(...TO_S3)
    expect(stderr).toContain('100 %')
    expect(stderr).toContain('entrepot: 1 content not copied: wrong bytes')
    expect(code).toBe(1)
    const { copied, present, ...rest } = JSON.parse(stdout) as { copied: number; present: number }
    expect(copied).toBeGreaterThan(0)
    expect(present).toBeGreaterThan(0)
    expect(copied + present).toBe(held.entries)
    expect(rest).toMatchObject({ damaged: [`sha256:${wrong}`], isComplete: true })
  })

  it('is served from the bucket as it was from files', async () => {
    await rm(join(stage.mirror.dataFolder, 'blobs'), { recursive: true })
    await servesAll()
  })

  it('comes back the same way', async () => {
    const { mirror } = stage
    await mirror.stop()
    const { code, stdout } = await mirror.entrepot(...TO_FILES)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ copied: held.entries, copiedBytes: held.bytes })
    await mirror.configure({})
    await servesAll()
  })

  /** Nothing was lost on the way, not even of what is known about it. */
  async function servesAll(): Promise<void> {
    const { mirror, client } = stage
    await mirror.restart()
    expect((await mirror.entrepot('sweep')).code).toBe(0)
    expect((await mirror.stats()).store).toMatchObject(held)
    await client.empty()
    for (const one of published) await pullKept(stage, one)
  }
})
