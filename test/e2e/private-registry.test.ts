import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { UpstreamTestResult } from '../../src/admin-upstreams.ts'
import { haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { ALL_CLIENTS } from '../support/clients/all-clients.ts'
import { answering, fakeHelper, type FakeHelper } from '../support/credential-program.ts'
import { DebianRegistry } from '../support/debian-registry.ts'
import { expectHeld } from '../support/expect-held.ts'
import { HttpProxy } from '../support/http-proxy.ts'
import { buildImage, type TestImage } from '../support/images.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { startOutside } from '../support/outside.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { haveTools } from '../support/tools.ts'

/** The password is `open-sesame`. */
const HTPASSWD = 'alice:$2y$05$abcdefghijklmnopqrstuutXu9KzOt.1yBoZUeFWoT/914/JfszCO\n'

const HOST = 'registry.tls.test'

const tools = ALL_CLIENTS.flatMap((client) => client.tools)

describe.runIf(haveOpenssl() && haveTools('docker-registry', 'skopeo', ...tools))(
  'a registry with its own authority, behind a proxy, that a credential helper logs in to',
  () => {
    const stack = new AsyncDisposableStack()
    let registry: DebianRegistry
    let proxy: HttpProxy
    let helper: FakeHelper
    let mirror: MirrorProcess
    let image: TestImage

    beforeAll(async () => {
      const folder = stack.use(await temporaryFolder()).path
      makeCertificates(folder)
      registry = stack.use(await DebianRegistry.start())
      image = await buildImage({ seed: 'private', layers: 2, layerBytes: 3_000_000 })
      await registry.push('team/app', '1', image)
      await registry.requireLogin(folder, HTPASSWD)
      proxy = stack.use(await HttpProxy.start({ credentials: 'bob:hush' }))
      helper = stack.use(await fakeHelper('test', answering('alice', 'open-sesame')))
      mirror = stack.use(
        await MirrorProcess.start({
          upstreamUrl: 'http://127.0.0.1:1',
          upstreams: {
            [HOST]: {
              url: `https://${HOST}:${new URL(registry.url).port}`,
              prefix: 'private',
              tls: { ca: join(folder, 'ca.pem') },
              proxy: `http://bob:hush@${proxy.url.host}`,
              credentials: [{ helper: 'test' }],
            },
          },
        }),
      )
    })

    afterAll(() => stack.disposeAsync())

    it.each(ALL_CLIENTS)('comes to $name', async ({ start }) => {
      await using outside = await startOutside()
      await using client = await start({ mirror, outside })
      const byTag = `${mirror.host}/private/team/app:1`
      await client.pull(byTag)
      await expectHeld(client, byTag, image)
    })

    it('has told nobody but the registry who we are', async () => {
      const { port } = new URL(registry.url)
      expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT ${HOST}:${port}`]))
      expect(new Set(await helper.asked())).toEqual(new Set([`${HOST}:${port}`]))
      expect(mirror.output).not.toMatch(/open-sesame|hush/)
    })

    it('is tested by a command', async () => {
      const { code, stdout } = await mirror.entrepot('upstream', 'test', HOST, '--json')
      expect(code).toBe(0)
      expect((JSON.parse(stdout) as UpstreamTestResult).endpoints).toMatchObject([
        {
          proxy: proxy.url.origin,
          users: [{ credential: 'alice', authentication: { kind: 'basic' } }],
        },
      ])
      await registry.goDown()
      const down = await mirror.entrepot('upstream', 'test', HOST)
      expect(down.code).toBe(1)
      expect(down.stderr).toMatch(
        /the proxy 127\.0\.0\.1:\d+ answered 502 instead of registry\.tls\.test/,
      )
    })
  },
)
