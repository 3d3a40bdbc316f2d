import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { encodedOf, parseDigest } from '../../src/oci/digest.ts'
import { podmanSetup } from '../../src/cli/client/podman.ts'
import { ALL_CLIENTS } from '../support/clients/all-clients.ts'
import { startPodman } from '../support/clients/podman.ts'
import { eventually } from '../support/eventually.ts'
import { expectHeld } from '../support/expect-held.ts'
import { startFakeHub, type FakeHub } from '../support/fake-hub/fake-hub.ts'
import type { FaultRule } from '../support/fake-hub/faults.ts'
import { fetchedDigest } from '../support/fetched.ts'
import { filesBelow } from '../support/files-below.ts'
import { buildImage } from '../support/images.ts'
import type { MirrorProcess } from '../support/mirror-process.ts'
import { startOutside } from '../support/outside.ts'
import { haveTools } from '../support/tools.ts'
import { downloadOf, startClientStage, type ClientStage } from './stage.ts'

const LAYER = { layerBytes: 200_000 }

/** Troubles of upstream that no client may notice. */
const HIDDEN_TROUBLES: { trouble: string; arm: (hub: FakeHub) => FaultRule }[] = [
  {
    trouble: 'every answer of the CDN is cut after 50 kB',
    arm: (hub) => hub.fault({ server: 'cdn' }, { kind: 'cut', afterBytes: 50_000 }),
  },
  {
    trouble: 'a layer is cut and its rest cannot be had alone',
    arm(hub) {
      hub.fault({ server: 'cdn' }, { kind: 'ignore-range' })
      return hub.fault({ server: 'cdn', times: 1 }, { kind: 'cut', afterBytes: 50_000 })
    },
  },
  {
    trouble: 'the manifest answers 500 once',
    arm: (hub) => hub.fault({ path: /manifests/, times: 1 }, { kind: 'answer', status: 500 }),
  },
  {
    trouble: 'a blob answers 503 once',
    arm: (hub) =>
      hub.fault({ server: 'registry', path: /blobs/, times: 1 }, { kind: 'answer', status: 503 }),
  },
  {
    trouble: 'the CDN answers 502 once',
    arm: (hub) => hub.fault({ server: 'cdn', times: 1 }, { kind: 'answer', status: 502 }),
  },
  {
    trouble: 'the connection is hung up once',
    arm: (hub) => hub.fault({ server: 'registry', times: 1 }, { kind: 'hang-up' }),
  },
  {
    trouble: 'the token expires in the middle of the pull',
    arm: (hub) =>
      hub.fault({ server: 'registry', path: /blobs/, times: 1 }, { kind: 'expired-token' }),
  },
]

/** What is wrong with an upstream from which nothing can be had. */
const OUTAGES: { state: string; arm: (hub: FakeHub) => Promise<void> | void }[] = [
  { state: 'is down', arm: (hub) => hub.goDown() },
  {
    state: 'has no more pulls for us',
    arm(hub) {
      const headers = { 'retry-after': '60' }
      hub.fault({ path: /manifests/ }, { kind: 'answer', status: 429, headers })
    },
  },
  {
    state: 'is broken',
    arm(hub) {
      hub.fault({ server: 'registry' }, { kind: 'answer', status: 503 })
    },
  },
  {
    state: 'gives no tokens',
    arm(hub) {
      hub.revokeTokens()
      hub.fault({ server: 'token' }, { kind: 'answer', status: 500 })
    },
  },
]

for (const clientKind of ALL_CLIENTS) {
  describe.runIf(haveTools(...clientKind.tools))(`${clientKind.name} behind the mirror`, () => {
    let stage: ClientStage

    beforeAll(async () => {
      stage = await startClientStage(clientKind)
    })

    afterEach(() => stage.hub.clearFaults())

    afterAll(() => stage[Symbol.asyncDispose]())

    it.each(HIDDEN_TROUBLES)('pulls although $trouble', async ({ arm }) => {
      const { hub, client, outside } = stage
      const { byTag, image } = await stage.publish(LAYER)
      const rule = arm(hub)
      await client.pull(byTag)
      await expectHeld(client, byTag, image)
      expect(rule.hits).toBeGreaterThan(0)
      expect(outside.asked).toEqual([])
    })

    it('pulls when all tokens are revoked between two images of a repository', async () => {
      const { hub, client, outside } = stage
      const { byTag, repository } = await stage.publish()
      await client.pull(byTag)
      const next = await buildImage({ seed: `${repository}/next` })
      hub.add(repository, '2', next)
      hub.revokeTokens()
      await client.pull(`${repository}:2`)
      await expectHeld(client, `${repository}:2`, next)
      expect(outside.asked).toEqual([])
    })

    it('waits out a stall and goes on where it was', async () => {
      const { hub, client, outside } = stage
      const { byTag, image } = await stage.publish({ ...LAYER, layers: 1 })
      const [layer = ''] = image.blobs.keys()
      const stall = hub.fault(downloadOf(layer), { kind: 'hold', atByte: 100_000 })
      const pulling = client.pull(byTag)
      await stall.held()
      stall.release()
      await pulling
      await expectHeld(client, byTag, image)
      expect(hub.count({ kind: 'cdn', digest: layer })).toBe(1)
      expect(outside.asked).toEqual([])
    })
  })

  describe.runIf(haveTools(...clientKind.tools))(`${clientKind.name}, tags that are stale`, () => {
    let stage: ClientStage

    beforeEach(async () => {
      stage = await startClientStage(clientKind, { freshFor: '1ms' })
    })

    afterEach(() => stage[Symbol.asyncDispose]())

    it('costs upstream a HEAD and no GET where nothing has changed', async () => {
      const { hub, client } = stage
      const { byTag, image } = await stage.publish()
      await client.pull(byTag)
      await client.empty()
      hub.forgetRequests()
      await client.pull(byTag)
      await expectHeld(client, byTag, image)
      expect(hub.count({ kind: 'manifest', method: 'HEAD', status: 200 })).toBeGreaterThan(0)
      expect(hub.count({ server: 'registry', method: 'GET' })).toBe(0)
    })

    it('gets what the tag has moved to', async () => {
      const { hub, client } = stage
      const { byTag, repository } = await stage.publish()
      await client.pull(byTag)
      const moved = await buildImage({ seed: `${repository}/moved` })
      hub.add(repository, '1', moved)
      await client.pull(byTag)
      await expectHeld(client, byTag, moved)
    })

    it.each(OUTAGES)('is served what is here when upstream $state', async ({ arm }) => {
      const { hub, client, outside } = stage
      const { byTag, image } = await stage.publish()
      await client.pull(byTag)
      await client.empty()
      await arm(hub)
      await client.pull(byTag)
      await expectHeld(client, byTag, image)
      expect(outside.asked).toEqual([])
    })
  })

  describe.runIf(haveTools(...clientKind.tools))(`${clientKind.name}, no help`, () => {
    let stage: ClientStage

    beforeEach(async () => {
      stage = await startClientStage(clientKind)
    })

    afterEach(() => stage[Symbol.asyncDispose]())

    it('goes to Docker Hub itself when our limit there is used up and nothing is here', async () => {
      const { hub, client, outside, mirror } = stage
      const { byTag, repository } = await stage.publish()
      const message = 'You have reached your pull rate limit.'
      const body = JSON.stringify({ errors: [{ code: 'TOOMANYREQUESTS', message }] })
      const headers = { 'retry-after': '60', 'content-type': 'application/json' }
      hub.fault({ path: /manifests/ }, { kind: 'answer', status: 429, headers, body })
      await expect(client.pull(byTag)).rejects.toThrow()
      expect(outside.asked).toContain('registry-1.docker.io:443')

      const answer = await fetch(`${mirror.url}/v2/${repository}/manifests/1`)
      expect(answer.status).toBe(503)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      const { errors } = (await answer.json()) as { errors: { code: string; message: string }[] }
      expect(errors[0]?.message).toMatch(/docker\.io.*limit|limit.*docker\.io/)
    })

    // docker tries again by itself for a minute; the others give up.
    const isPatient = clientKind.name === 'docker'

    // containerd never gets rid of a wrong byte that it has of a blob, mirror or no mirror.
    const places = clientKind.name === 'containerd' ? ['end'] : ['start', 'end']

    it.each(places)('is never given a blob that is wrong at its %s', async (place) => {
      const { hub, client, mirror } = stage
      const { byTag, repository, image } = await stage.publish({ ...LAYER, layers: 1 })
      const [[layer = '', { length } = Buffer.of()] = []] = image.blobs
      const atByte = place === 'start' ? 1000 : length - 1
      const wrong = hub.fault(downloadOf(layer), { kind: 'flip', atByte })
      const pulling = client.pull(byTag).catch((error: unknown) => error)
      await eventually('wrong bytes came', () => wrong.hits > 0)
      if (isPatient) wrong.remove()
      expect(await pulling).toEqual(isPatient ? undefined : expect.any(Error))

      if (!isPatient) await eventually('nothing is kept', () => isAbsent(mirror, layer))
      wrong.remove()
      await client.pull(byTag)
      await expectHeld(client, byTag, image)
      expect(await fetchedDigest(`${mirror.url}/v2/${repository}/blobs/${layer}`)).toBe(layer)
    })
  })
}

describe.runIf(haveTools('podman'))('podman without the mirror', () => {
  it('fails when a layer is cut twice', async () => {
    await using hub = await startFakeHub()
    await using outside = await startOutside()
    const upstreams = [{ name: 'docker.io', prefix: 'docker.io', isDefault: true }]
    const { files } = podmanSetup({ url: new URL(hub.url), upstreams })
    const mirror = { clientFiles: () => Promise.resolve(files) }
    await using podman = await startPodman({ mirror, outside })
    const image = await buildImage({ seed: 'bare', ...LAYER })
    hub.add('library/bare', '1', image)
    hub.fault({ server: 'cdn', times: 2 }, { kind: 'cut', afterBytes: 50_000 })
    await expect(podman.pull('library/bare:1')).rejects.toThrow(/unexpected EOF/)
    await podman.pull('library/bare:1')
    await expectHeld(podman, 'library/bare:1', image)
  })
})

/** Neither a blob nor a spool of that digest is on the disk. */
async function isAbsent(mirror: MirrorProcess, digest: string): Promise<boolean> {
  const files = await filesBelow(mirror.dataFolder)
  return files.every((path) => !path.includes(encodedOf(parseDigest(digest)!)))
}
