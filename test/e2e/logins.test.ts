import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClientOptions, LoginClient } from '../support/clients/client.ts'
import { startContainerd } from '../support/clients/containerd.ts'
import { startDocker } from '../support/clients/docker.ts'
import { startPodman } from '../support/clients/podman.ts'
import { startSkopeo } from '../support/clients/skopeo.ts'
import { expectContents, expectHeld } from '../support/expect-held.ts'
import { startFakeHub, type FakeHub } from '../support/fake-hub/fake-hub.ts'
import { buildImage } from '../support/images.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { startOutside, type Outside } from '../support/outside.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { haveTools, type Tool } from '../support/tools.ts'

const CLIENTS: {
  name: string
  tools: Tool[]
  start: (options: ClientOptions) => Promise<LoginClient>
}[] = [
  { name: 'docker', tools: ['docker', 'dockerd'], start: startDocker },
  { name: 'podman', tools: ['podman'], start: startPodman },
  { name: 'skopeo', tools: ['skopeo'], start: startSkopeo },
  { name: 'containerd', tools: ['containerd', 'ctr'], start: startContainerd },
]

for (const { name, tools, start } of CLIENTS) {
  describe.runIf(haveTools(...tools))(`${name} with logins`, () => {
    const stack = new AsyncDisposableStack()
    let hub: FakeHub
    let mirror: MirrorProcess
    let outside: Outside
    let client: LoginClient
    const image = buildImage({ seed: `${name}/logins`, format: 'docker' })

    beforeAll(async () => {
      const folder = stack.use(await temporaryFolder())
      const htpasswd = join(folder.path, 'users')
      await writeFile(htpasswd, `ci:${hashSync('ci-secret', 10)}\n`)
      hub = stack.use(await startFakeHub())
      hub.add('library/app', '1', await image)
      const config = { hosted: { enabled: true }, auth: { htpasswd } }
      mirror = stack.use(await MirrorProcess.start({ upstreamUrl: hub.url, config }))
      outside = stack.use(await startOutside())
      client = stack.use(await start({ mirror, outside }))
    })

    afterAll(() => stack.disposeAsync())

    it('pulls what is mirrored without one', async () => {
      await client.pull('library/app:1')
      if (client.keeps === 'artifacts') await expectHeld(client, 'library/app:1', await image)
      else await expectContents(client, 'library/app:1', await image)
      expect(outside.asked).toEqual([])
    })

    it('cannot push without one', async () => {
      const pushing = client.push('library/app:1', `${mirror.host}/private/app:1`)
      await expect(pushing).rejects.toThrow(/unauthorized|authentication required|no basic auth/i)
    })

    it('is refused with a wrong password', async () => {
      const pushing = client
        .login(mirror.host, 'ci', 'wrong-secret')
        .then(() => client.push('library/app:1', `${mirror.host}/private/app:1`))
      await expect(pushing).rejects.toThrow(/unauthorized|invalid username|wrong/i)
      expect(mirror.output).not.toContain('wrong-secret')
    })

    it('pushes and pulls after one', async () => {
      const hosted = `${mirror.host}/private/app:1`
      await client.login(mirror.host, 'ci', 'ci-secret')
      await client.push('library/app:1', hosted)
      await client.empty()
      await client.pull(hosted)
      if (client.keeps === 'unpacked') await expectContents(client, hosted, await image)
      await client.pull('library/app:1')
      expect(outside.asked).toEqual([])
      expect(mirror.output).not.toContain('ci-secret')
    })

    it('cannot push to what is mirrored', async () => {
      const pushing = client.push('library/app:1', `${mirror.host}/docker.io/library/app:2`)
      await expect(pushing).rejects.toThrow(/405|unsupported|can be pulled from only/i)
    })
  })
}
