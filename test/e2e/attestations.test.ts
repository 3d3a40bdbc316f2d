import { describe, expect, it } from 'vitest'
import { buildAttestation } from '../support/artifacts.ts'
import { ALL_CLIENTS } from '../support/clients/all-clients.ts'
import { expectHeld, ownArchitecture } from '../support/expect-held.ts'
import { buildImage, buildIndex, type TestImage } from '../support/images.ts'
import { haveTools } from '../support/tools.ts'
import { pullKept, startClientStage } from './stage.ts'

const NAME = 'library/attested'

const image = await buildImage({ seed: 'attested', architecture: ownArchitecture })
const attestation = buildAttestation(image.root)
const attested = buildIndex({ [ownArchitecture]: image }, 'oci', { [ownArchitecture]: attestation })
const foreign = await buildImage({ seed: 'foreign', architecture: 'riscv64' })
const whole = buildIndex({ [ownArchitecture]: image, riscv64: foreign }, 'oci')

/** What a registry has that was given only some of the platforms. */
const sparse: TestImage = {
  ...whole,
  manifests: new Map([...whole.manifests].filter(([digest]) => digest !== foreign.root.digest)),
}

/** containerd is told to unpack all platforms here, which it cannot do with an attestation. */
const clients = ALL_CLIENTS.filter(({ name }) => name !== 'containerd')

for (const client of clients) {
  describe.runIf(haveTools(...client.tools))(client.name, () => {
    it.each([
      ['with an attestation', attested],
      // skopeo copies all platforms or fails.
      ...(client.name === 'skopeo' ? [] : [['that lacks a platform', sparse] as const]),
    ] as const)('pulls an index %s, also with the upstream down', async (_, index) => {
      await using stage = await startClientStage(client)
      stage.hub.add(NAME, '1', index)
      const byTag = `${NAME}:1`
      await pullKept(stage, { byTag, image: index })
      await stage.hub.goDown()
      await stage.mirror.stop()
      await stage.mirror.restart()
      await stage.client.empty()
      await stage.client.pull(byTag)
      await expectHeld(stage.client, byTag, index)
      expect(stage.outside.asked).toEqual([])
    })
  })
}
