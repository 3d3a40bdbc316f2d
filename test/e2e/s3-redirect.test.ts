import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ALL_CLIENTS, type KnownClient } from '../support/clients/all-clients.ts'
import { eventually } from '../support/eventually.ts'
import { S3Server } from '../support/s3-server.ts'
import { haveTools } from '../support/tools.ts'
import { pullKept, startClientStage } from './stage.ts'

const LAYER_BYTES = 2 * 1024 * 1024
const skopeo = ALL_CLIENTS.find(({ name }) => name === 'skopeo')!

describe.runIf(haveTools('versitygw'))('a mirror that redirects to S3', () => {
  let s3: S3Server

  beforeAll(async () => {
    s3 = await S3Server.start()
  })

  afterAll(() => s3[Symbol.asyncDispose]())

  /** A client pulls an image twice; gives what the mirror served, and logs, the second time. */
  async function pulledAgain(client: KnownClient, more: object = {}) {
    const store = { ...s3.store(await s3.makeBucket()), redirect: true, ...more }
    await using stage = await startClientStage(client, { config: { store } })
    const published = await stage.publish({ layerBytes: LAYER_BYTES })
    await pullKept(stage, published)
    await stage.client.empty()
    const { mirror } = stage
    const before = (await mirror.stats()).bytes.served
    const logged = mirror.output.length
    await pullKept(stage, published)
    const servedBytes = (await mirror.stats()).bytes.served - before
    return { servedBytes, log: () => mirror.output.slice(logged) }
  }

  for (const client of ALL_CLIENTS) {
    it.runIf(haveTools(...client.tools))(`has ${client.name} fetch layers there`, async () => {
      const { servedBytes, log } = await pulledAgain(client)
      expect(servedBytes).toBeLessThan(LAYER_BYTES)
      await eventually('the redirect is logged', () => log().includes('"status":307'))
      expect(log()).not.toContain('X-Amz-Signature')
    })
  }

  it.runIf(haveTools(...skopeo.tools))('serves what is in the read cache', async () => {
    const { servedBytes } = await pulledAgain(skopeo, { cache: {} })
    expect(servedBytes).toBeGreaterThan(LAYER_BYTES)
  })

  it.runIf(haveTools(...skopeo.tools))('serves who is excepted', async () => {
    const redirectExcept = { clients: ['skopeo/**'] }
    const { servedBytes } = await pulledAgain(skopeo, { redirectExcept })
    expect(servedBytes).toBeGreaterThan(LAYER_BYTES)
  })
})
