import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClientFile } from '../../src/cli/client/client-setup.ts'
import { ALL_CLIENTS } from '../support/clients/all-clients.ts'
import type { Client } from '../support/clients/client.ts'
import { startContainerd } from '../support/clients/containerd.ts'
import { eventually } from '../support/eventually.ts'
import { expectEachOnce } from '../support/expect-each-once.ts'
import { expectHeld } from '../support/expect-held.ts'
import { type FakeHub, startFakeHub } from '../support/fake-hub/fake-hub.ts'
import { fetchedDigest } from '../support/fetched.ts'
import { buildImage, type TestImage } from '../support/images.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { type Outside, startOutside } from '../support/outside.ts'
import { servedBy } from '../support/test-upstreams.ts'
import { haveTools } from '../support/tools.ts'

/** What the mirror is to the private registry; nobody else may have it. */
const ACCOUNT = { username: 'mirror', password: 'hunter2' }

/** How each is named in images, and where the mirror has it. */
const UPSTREAMS = [
  { registry: 'docker.io', prefix: 'docker.io', folder: 'library' },
  { registry: 'ghcr.io', prefix: 'ghcr.io', folder: 'owner' },
  { registry: 'registry.private', prefix: 'team', folder: 'secret' },
] as const

type Registry = (typeof UPSTREAMS)[number]['registry']

const tools = ALL_CLIENTS.flatMap((client) => client.tools)

describe.runIf(haveTools(...tools))('several upstreams at once', () => {
  const stack = new AsyncDisposableStack()
  const clients = new Map<string, Client>()
  let hubs: Record<Registry, FakeHub>
  let mirror: MirrorProcess
  let outside: Outside

  beforeAll(async () => {
    hubs = {
      'docker.io': stack.use(await startFakeHub()),
      'ghcr.io': stack.use(await startFakeHub()),
      'registry.private': stack.use(
        await startFakeHub({ auth: 'bearer-required', credentials: [ACCOUNT] }),
      ),
    }
    mirror = stack.use(
      await MirrorProcess.start({
        upstreamUrl: hubs['docker.io'].url,
        upstreams: {
          'ghcr.io': { url: hubs['ghcr.io'].url },
          'registry.private': {
            url: hubs['registry.private'].url,
            prefix: 'team',
            credentials: [ACCOUNT],
          },
        },
      }),
    )
    outside = stack.use(await startOutside())
    for (const { name, start } of ALL_CLIENTS) {
      clients.set(name, stack.use(await start({ mirror, outside })))
    }
  })

  afterAll(() => stack.disposeAsync())

  async function publish(registry: Registry, repository: string): Promise<TestImage> {
    const image = await buildImage({ seed: `${registry}/${repository}`, layers: 2 })
    hubs[registry].add(repository, '1', image)
    return image
  }

  describe.each(UPSTREAMS)('$registry', ({ registry, prefix, folder }) => {
    const repository = `${folder}/app`
    let image: TestImage

    beforeAll(async () => {
      image = await publish(registry, repository)
    })

    it.each([
      ...(registry === 'docker.io' ? [{ name: 'docker', way: 'registry-mirrors' }] : []),
      { name: 'docker', way: 'the name of the mirror' },
      { name: 'containerd', way: 'hosts.toml' },
      { name: 'podman', way: 'registries.conf' },
      { name: 'skopeo', way: 'registries.conf' },
    ])('comes to $name by $way', async ({ name, way }) => {
      const client = clients.get(name)!
      const start = way === 'the name of the mirror' ? `${mirror.host}/${prefix}` : registry
      const byTag = `${start}/${repository}:1`
      await client.empty()
      await client.pull(byTag)
      await expectHeld(client, byTag, image)
    })

    it('comes to containerd by a prefix in front of /v2', async () => {
      const clientFiles = async (client: string): Promise<ClientFile[]> => {
        const files = await mirror.clientFiles(client)
        return files.map(({ path, content }) => ({
          path,
          content: content.replace(mirror.url, `${mirror.url}/${prefix}`),
        }))
      }
      await using containerd = await startContainerd({ mirror: { clientFiles }, outside })
      await containerd.pull(`${registry}/${repository}:1`)
      await expectHeld(containerd, `${registry}/${repository}:1`, image)
      const path = `"/${prefix}/v2/${repository}/manifests/1"`
      await eventually('the way it came is logged', () => mirror.output.includes(path))
    })

    it('was one repository by all of them: each thing came once from upstream', async () => {
      expectEachOnce(servedBy(hubs[registry]), repository, image)
      expect(outside.asked).toEqual([])
      const listed = await mirror.listed()
      const own = listed.filter(({ digest }) => digest === image.root.digest)
      expect(own.map((one) => one.repository)).toEqual([`${registry}/${repository}`])
    })
  })

  it('keeps what is private to those who ask for it there', async () => {
    const image = await publish('registry.private', 'secret/kept')
    const others = await publish('docker.io', 'library/other')
    await publish('registry.private', 'secret/other')
    await publish('ghcr.io', 'secret/kept')
    for (const digest of [...image.blobs.keys(), ...image.manifests.keys()]) {
      const kind = image.blobs.has(digest) ? 'blobs' : 'manifests'
      const own = `${mirror.url}/v2/team/secret/kept/${kind}/${digest}`
      expect(await fetchedDigest(own)).toBe(digest)
      for (const foreign of [
        `v2/library/other/${kind}/${digest}`,
        `v2/secret/kept/${kind}/${digest}`,
        `v2/ghcr.io/secret/kept/${kind}/${digest}`,
        `v2/secret/kept/${kind}/${digest}?ns=ghcr.io`,
        `ghcr.io/v2/secret/kept/${kind}/${digest}`,
        `v2/team/secret/other/${kind}/${digest}`,
      ]) {
        const { status } = await fetch(`${mirror.url}/${foreign}`)
        expect({ foreign, status }).toEqual({ foreign, status: 404 })
      }
    }
    // Those others are there, so that it is not the repository that is unknown.
    const [layer = ''] = others.blobs.keys()
    expect(await fetchedDigest(`${mirror.url}/v2/library/other/blobs/${layer}`)).toBe(layer)
  })

  it('shows its credentials to nobody but the upstream that they are for', () => {
    expect(withPassword(hubs['registry.private'])).not.toEqual([])
    expect(withPassword(hubs['docker.io'])).toEqual([])
    expect(withPassword(hubs['ghcr.io'])).toEqual([])
  })

  it('keeps once what two upstreams have, when each of them has it for us', async () => {
    const image = await buildImage({ seed: 'shared' })
    hubs['ghcr.io'].add('owner/shared', '1', image)
    hubs['registry.private'].add('secret/shared', '1', image)
    const pullThrough = async (repository: string): Promise<number> => {
      for (const digest of image.blobs.keys()) {
        const url = `${mirror.url}/v2/${repository}/blobs/${digest}`
        expect(await fetchedDigest(url)).toBe(digest)
      }
      return entriesOf(mirror)
    }
    const once = await pullThrough('ghcr.io/owner/shared')
    expect(await pullThrough('team/secret/shared')).toBe(once)
  })
})

function withPassword(hub: FakeHub): unknown[] {
  return hub.requests.filter(({ headers }) => headers.authorization?.startsWith('Basic'))
}

/** A client has its last byte before the blob is committed. */
async function entriesOf(mirror: MirrorProcess): Promise<number> {
  const { store } = await eventually('nothing is on its way', async () => {
    const stats = await mirror.stats()
    return stats.fills.length === 0 ? stats : undefined
  })
  return store.entries
}
