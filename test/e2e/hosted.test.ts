import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ALL_CLIENTS, type KnownClient } from '../support/clients/all-clients.ts'
import { startBuildah } from '../support/clients/buildah.ts'
import type { Client } from '../support/clients/client.ts'
import { expectContents, expectHeld, ownArchitecture } from '../support/expect-held.ts'
import { startFakeHub, type FakeHub } from '../support/fake-hub/fake-hub.ts'
import { buildImage, buildIndex, type TestImage } from '../support/images.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { startOutside, type Outside } from '../support/outside.ts'
import { haveTools } from '../support/tools.ts'
import { PUSHED_BY_ALL } from './hosted-stage.ts'

const KINDS = [
  { kind: 'a docker image', build: (seed: string) => buildImage({ seed, format: 'docker' }) },
  { kind: 'an OCI image', build: (seed: string) => buildImage({ seed, format: 'oci' }) },
  { kind: 'a docker list', build: (seed: string) => buildForTwo(seed, 'docker') },
  { kind: 'an OCI index', build: (seed: string) => buildForTwo(seed, 'oci') },
]

async function buildForTwo(seed: string, format: 'docker' | 'oci'): Promise<TestImage> {
  const other = ownArchitecture === 'amd64' ? 'arm64' : 'amd64'
  const build = (architecture: string) =>
    buildImage({ seed: `${seed}/${architecture}`, architecture, format })
  const images = { [ownArchitecture]: await build(ownArchitecture), [other]: await build(other) }
  return buildIndex(images, format)
}

const CLIENTS: KnownClient[] = [
  ...ALL_CLIENTS,
  { name: 'buildah', tools: ['buildah'], start: startBuildah },
]

for (const { name, tools, start } of CLIENTS) {
  describe.runIf(haveTools(...tools))(`${name} at the hosted namespace`, () => {
    const stack = new AsyncDisposableStack()
    let hub: FakeHub
    let mirror: MirrorProcess
    let outside: Outside
    let client: Client

    beforeAll(async () => {
      hub = stack.use(await startFakeHub())
      const config = PUSHED_BY_ALL
      mirror = stack.use(await MirrorProcess.start({ upstreamUrl: hub.url, config }))
      outside = stack.use(await startOutside())
      client = stack.use(await start({ mirror, outside }))
    })

    afterAll(() => stack.disposeAsync())

    it.each(KINDS)(
      'pushes $kind that it has pulled, and pulls it back',
      async ({ kind, build }) => {
        const repository = `library/${kind.replaceAll(' ', '-').toLowerCase()}`
        const image = await build(repository)
        hub.add(repository, '1', image)
        const hosted = `${mirror.host}/private/${repository}:1`
        await client.pull(`${repository}:1`)
        await client.push(`${repository}:1`, hosted)
        await client.empty()
        const before = hub.requests.length
        await client.pull(hosted)
        // Who unpacks an image makes other layers of it, and so another manifest.
        if (client.keeps === 'artifacts') await expectHeld(client, hosted, image)
        else await expectContents(client, hosted, image)
        expect(hub.requests.slice(before)).toEqual([])
        expect(outside.asked).toEqual([])
      },
    )

    // dockerd reads zstd from 23.0 on, which Debian does not have.
    it.skipIf(name === 'docker')('pushes layers in zstd, and pulls them back', async () => {
      const image = await buildImage({ seed: `${name}/zstd`, compression: 'zstd' })
      hub.add('library/zstd', '1', image)
      const hosted = `${mirror.host}/private/zstd:1`
      await client.pull('library/zstd:1')
      await client.push('library/zstd:1', hosted)
      const pushed = await fetch(`${mirror.url}/v2/private/zstd/manifests/1`)
      const { layers } = (await pushed.json()) as { layers: { mediaType: string }[] }
      expect(layers).toHaveLength(2)
      for (const { mediaType } of layers) expect(mediaType).toMatch(/[+.]zstd$/)
      await client.empty()
      await client.pull(hosted)
      // What the others keep they can give back in gzip alone.
      if (client.keeps === 'artifacts') await expectHeld(client, hosted, image)
    })

    it('cannot push to what is mirrored', async () => {
      const image = await buildImage({ seed: `${name}/refused` })
      hub.add('library/refused', '1', image)
      await client.pull('library/refused:1')
      const pushing = client.push('library/refused:1', `${mirror.host}/docker.io/library/refused:2`)
      await expect(pushing).rejects.toThrow(/405|unsupported|can be pulled from only/i)
    })
  })
}
