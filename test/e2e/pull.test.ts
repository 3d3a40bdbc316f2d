import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { ALL_CLIENTS } from '../support/clients/all-clients.ts'
import type { Client } from '../support/clients/client.ts'
import { expectEachOnce } from '../support/expect-each-once.ts'
import { expectHeld } from '../support/expect-held.ts'
import { buildImage, buildIndex, type TestImage } from '../support/images.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { startOutside, type Outside } from '../support/outside.ts'
import { BUCKET, FILES } from '../support/test-stores.ts'
import { TEST_UPSTREAMS, type TestUpstream } from '../support/test-upstreams.ts'
import { haveTools } from '../support/tools.ts'

const KINDS = [
  { kind: 'a docker image', build: (seed: string) => buildImage({ seed, format: 'docker' }) },
  { kind: 'an OCI image', build: (seed: string) => buildImage({ seed, format: 'oci' }) },
  { kind: 'a docker manifest list', build: (seed: string) => buildForTwo(seed, 'docker') },
  { kind: 'an OCI index', build: (seed: string) => buildForTwo(seed, 'oci') },
]

async function buildForTwo(seed: string, format: 'docker' | 'oci'): Promise<TestImage> {
  const children = {
    amd64: await buildImage({ seed: `${seed}/amd64`, format, architecture: 'amd64' }),
    arm64: await buildImage({ seed: `${seed}/arm64`, format, architecture: 'arm64' }),
  }
  return buildIndex(children, format)
}

const WAYS = [
  ...TEST_UPSTREAMS.map((upstreamKind) => ({ upstreamKind, storeKind: FILES })),
  { upstreamKind: TEST_UPSTREAMS[0]!, storeKind: BUCKET },
]

for (const { upstreamKind, storeKind } of WAYS) {
  for (const clientKind of ALL_CLIENTS) {
    const tools = [...clientKind.tools, ...upstreamKind.tools, ...storeKind.tools]
    const name = `${clientKind.name}, ${upstreamKind.name}, ${storeKind.name}`
    describe.runIf(haveTools(...tools))(name, () => {
      const stack = new AsyncDisposableStack()
      let upstream: TestUpstream
      let mirror: MirrorProcess
      let outside: Outside
      let client: Client
      let count = 0

      beforeAll(async () => {
        upstream = stack.use(await upstreamKind.start())
        const { store } = stack.use(await storeKind.start())
        const settings = { upstreamUrl: upstream.url, config: { store } }
        mirror = stack.use(await MirrorProcess.start(settings))
        outside = stack.use(await startOutside())
        client = stack.use(await clientKind.start({ mirror, outside }))
      })

      afterAll(() => stack.disposeAsync())

      describe.each(KINDS)('$kind', ({ build }) => {
        /** An image that neither the mirror nor the client has seen. */
        async function publish() {
          const repository = `library/app-${++count}`
          const image = await build(`${upstreamKind.name}/${clientKind.name}/${count}`)
          await upstream.publish(repository, '1', image)
          return { repository, image, byTag: `${repository}:1` }
        }

        it('comes cold by tag, each thing once from upstream', async () => {
          const { repository, image, byTag } = await publish()
          await client.pull(byTag)
          await expectHeld(client, byTag, image)
          expectEachOnce(await upstream.served(), repository, image)
          expect(outside.asked).toEqual([])
        })

        it('comes cold by digest', async () => {
          const { repository, image } = await publish()
          const byDigest = `${repository}@${image.root.digest}`
          await client.pull(byDigest)
          await expectHeld(client, byDigest, image)
          expectEachOnce(await upstream.served(), repository, image)
          expect(outside.asked).toEqual([])
        })

        it('comes warm, with nothing from upstream', async () => {
          const { repository, image, byTag } = await publish()
          await client.pull(byTag)
          const before = await upstream.served()

          await client.empty()
          await client.pull(byTag)
          await expectHeld(client, byTag, image)

          await client.empty()
          const byDigest = `${repository}@${image.root.digest}`
          await client.pull(byDigest)
          await expectHeld(client, byDigest, image)

          expect(await upstream.served()).toEqual(before)
          expect(outside.asked).toEqual([])
        })

        it('gives every blob and manifest through the mirror, byte for byte', async () => {
          const { repository, image, byTag } = await publish()
          await client.pull(byTag)
          for (const digest of image.blobs.keys()) {
            expect(await fetchDigest(`${mirror.url}/v2/${repository}/blobs/${digest}`)).toBe(digest)
          }
          for (const [digest, { mediaType }] of image.manifests) {
            const url = `${mirror.url}/v2/${repository}/manifests/${digest}`
            expect(await fetchDigest(url)).toBe(digest)
            const { headers } = await fetch(url, { method: 'HEAD' })
            expect(headers.get('content-type')).toBe(mediaType)
          }
        })
      })

      it('goes on with the upstream down, by tag and by digest', async () => {
        const repository = 'library/outage'
        const image = await buildForTwo(`${upstreamKind.name}/${clientKind.name}/outage`, 'oci')
        await upstream.publish(repository, '1', image)
        await client.pull(`${repository}:1`)
        await upstream.goDown()
        for (const name of [`${repository}:1`, `${repository}@${image.root.digest}`]) {
          await client.empty()
          await client.pull(name)
          await expectHeld(client, name, image)
        }
        expect(outside.asked).toEqual([])
      })
    })
  }
}

async function fetchDigest(url: string): Promise<string> {
  const response = await fetch(url)
  expect(response.status).toBe(200)
  return digestOf(Buffer.from(await response.arrayBuffer()))
}
