import { describe, expect, it } from 'vitest'
import type { JobList, WarmResult } from '../../src/admin-api.ts'
import { startPodman } from '../support/clients/podman.ts'
import { eventually } from '../support/eventually.ts'
import { expectHeld, ownArchitecture } from '../support/expect-held.ts'
import { buildImage, buildIndex } from '../support/images.ts'
import { startOutside } from '../support/outside.ts'
import { haveTools } from '../support/tools.ts'
import { startStage } from './stage.ts'

const APP = 'library/app'

async function buildForTwo() {
  const own = await buildImage({ seed: 'own', architecture: ownArchitecture })
  const other = await buildImage({ seed: 'other', architecture: 's390x' })
  return { own, other, image: buildIndex({ [ownArchitecture]: own, s390x: other }) }
}

describe.runIf(haveTools('podman'))('an image of two platforms that was warmed for one', () => {
  it('is pulled for it with upstream down; of the other nothing was fetched', async () => {
    await using stage = await startStage()
    const { hub, mirror } = stage
    const { own, other, image } = await buildForTwo()
    hub.add(APP, '1', image)
    const args = ['warm', 'app:1', '--platform', `linux/${ownArchitecture}`]
    const { code, stdout, stderr } = await mirror.entrepot(...args, '--json')
    expect(stderr).not.toContain('entrepot: ')
    expect(code).toBe(0)
    expect((JSON.parse(stdout) as WarmResult).images).toMatchObject([
      { digest: image.root.digest, missingBytes: 0, error: null },
    ])
    expect(hub.count({ digest: own.root.digest })).toBe(1)
    const others = [...other.manifests.keys(), ...other.blobs.keys()]
    expect(others.filter((digest) => hub.count({ digest }) > 0)).toEqual([])

    await hub.goDown()
    await using outside = await startOutside()
    await using podman = await startPodman({ mirror, outside })
    await podman.pull(`${APP}:1`)
    await expectHeld(podman, `${APP}:1`, image)
    expect(outside.asked).toEqual([])
  })

  it('is there from the start where the configuration wants it', async () => {
    const warm = [{ images: ['app:1'], platforms: [`linux/${ownArchitecture}`] }]
    await using stage = await startStage()
    const { hub, mirror } = stage
    const { image } = await buildForTwo()
    hub.add(APP, '1', image)
    await mirror.stop()
    await mirror.configure({ warm })
    await mirror.restart()
    await eventually('it is warmed', async () => {
      const answer = await fetch(`${mirror.adminUrl}/api/v1/jobs`)
      const { jobs } = (await answer.json()) as JobList
      return jobs.find(({ name }) => name === 'warm-1')?.lastRun?.error === null
    })

    await hub.goDown()
    await using outside = await startOutside()
    await using podman = await startPodman({ mirror, outside })
    await podman.pull(`${APP}:1`)
    await expectHeld(podman, `${APP}:1`, image)
    expect(outside.asked).toEqual([])
  })
})
