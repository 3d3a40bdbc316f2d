import { once } from 'node:events'
import { truncate, stat } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Digest } from '../../src/oci/digest.ts'
import { ALL_CLIENTS } from '../support/clients/all-clients.ts'
import { blobPath, damages, quarantinePath } from '../support/damage.ts'
import { fetchedDigest } from '../support/fetched.ts'
import type { ImageOptions } from '../support/images.ts'
import { haveTools } from '../support/tools.ts'
import { pullKept, startClientStage, type ClientStage, type Published } from './stage.ts'

const podman = ALL_CLIENTS.find(({ name }) => name === 'podman')!

describe.runIf(haveTools(...podman.tools))('a stored layer', () => {
  let stage: ClientStage
  let published: Published

  beforeEach(async () => {
    stage = await startClientStage(podman)
  })

  afterEach(() => stage[Symbol.asyncDispose]())

  async function pullNew(
    options: Omit<ImageOptions, 'seed'>,
  ): Promise<{ layer: Digest; sizeBytes: number }> {
    const { client, hub } = stage
    published = await stage.publish(options)
    await pullKept(stage, published)
    await client.empty()
    hub.forgetRequests()
    const [[layer, { length }]] = [...published.image.blobs] as [[Digest, Buffer]]
    return { layer, sizeBytes: length }
  }

  /** The next pull has the one layer from upstream, and nothing else. */
  async function expectHealed(layer: Digest): Promise<void> {
    const { hub, mirror } = stage
    await pullKept(stage, published)
    expect(hub.matching({ kind: 'cdn' }).map(({ digest }) => digest)).toEqual([layer])
    expect(hub.count({ kind: 'manifest', method: 'GET' })).toBe(0)
    const url = `${mirror.url}/v2/${published.repository}/blobs/${layer}`
    expect(await fetchedDigest(url)).toBe(layer)
    expect(await mirror.entrepot('scrub')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/: all whole\n$/) as string,
    })
  }

  it('with a wrong byte is found by a scrub, set aside, not served, and healed', async () => {
    const { hub, mirror } = stage
    const { layer, sizeBytes } = await pullNew({ layerBytes: 200_000 })
    await damages.flip(mirror.dataFolder, layer)

    const scrub = await mirror.entrepot('scrub', '--json')
    expect(scrub.code).toBe(0)
    expect(JSON.parse(scrub.stdout)).toMatchObject({ contents: 4, quarantined: 1 })
    const aside = quarantinePath(mirror.dataFolder, layer)
    expect((await stat(aside)).size).toBe(sizeBytes)
    await expect(stat(blobPath(mirror.dataFolder, layer))).rejects.toThrow()
    const [listed] = await mirror.listed()
    expect(listed?.missingBytes).toBe(sizeBytes)

    await hub.goDown()
    const url = `${mirror.url}/v2/${published.repository}/blobs/${layer}`
    expect((await fetch(url)).status).toBeGreaterThanOrEqual(500)
    await hub.comeBack()
    await expectHealed(layer)
  })

  it('that is cut while it is served breaks off, and the next pull heals it', async () => {
    const { mirror } = stage
    const { layer, sizeBytes } = await pullNew({ layers: 1, layerBytes: 24_000_000 })
    const request = get(`${mirror.url}/v2/${published.repository}/blobs/${layer}`)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    // More than sockets hold is still to be read.
    await truncate(blobPath(mirror.dataFolder, layer), sizeBytes - 1000)
    let received = 0
    const reading = (async () => {
      for await (const chunk of response) received += (chunk as Buffer).length
    })()
    await expect(reading).rejects.toThrow('aborted')
    expect(received).toBeLessThan(sizeBytes)
    await expectHealed(layer)
  })
})
