import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { GarbageEntry, GarbageResult } from '../../src/admin-api.ts'
import { encodedOf, type Digest } from '../../src/oci/digest.ts'
import { startFakeHub } from '../support/fake-hub/fake-hub.ts'
import { filesBelow } from '../support/files-below.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { haveTools } from '../support/tools.ts'
import { contentsOf, expectWhole, publish, PUSHED_BY_ALL, skopeoAt } from './hosted-stage.ts'

const ROUNDS = 8

const config = { ...PUSHED_BY_ALL, hosted: { enabled: true, gracePeriod: '2m' } }

/** Those whose bytes are on the disk. */
async function onDisk(mirror: MirrorProcess, digests: Digest[]): Promise<Digest[]> {
  const files = (await filesBelow(join(mirror.dataFolder, 'blobs'))).join('\n')
  return digests.filter((digest) => files.includes(encodedOf(digest)))
}

describe.runIf(haveTools('skopeo'))('what was pushed', () => {
  it('and deleted is freed on the disk, and what shares layers with it stays whole', async () => {
    await using hub = await startFakeHub()
    await using mirror = await MirrorProcess.start({ upstreamUrl: hub.url, config })
    const skopeo = skopeoAt(hub, mirror)
    const [gone, kept] = [await publish(hub, 'app:1'), await publish(hub, 'app:2')]
    await skopeo.push('app:1')
    await skopeo.push('app:2')
    await skopeo.delete('app:1')
    const freed = contentsOf(gone).filter((digest) => !kept.blobs.has(digest))
    expect(freed).toHaveLength(3)

    const early = await mirror.entrepot('gc', '--json')
    // The manifest was taken by who deleted it.
    expect(JSON.parse(early.stdout)).toMatchObject({ manifests: 0, blobs: 0, freedContents: 1 })
    await mirror.later()
    const dry = await mirror.entrepot('gc', '--dry-run', '--json')
    const lines = dry.stdout.trimEnd().split('\n')
    const listed = lines.map((line) => (JSON.parse(line) as GarbageEntry).digest)
    expect(listed.sort()).toEqual(freed.filter((digest) => gone.blobs.has(digest)).sort())
    expect(await onDisk(mirror, listed as Digest[])).toHaveLength(2)

    const { code, stdout } = await mirror.entrepot('gc')
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^collected: tags 0, manifests 0, blobs 2; freed \d+ KiB\n$/),
    ])
    expect(await onDisk(mirror, freed)).toEqual([])
    expect(await onDisk(mirror, contentsOf(kept))).toHaveLength(4)
    await expectWhole(mirror, 'app:2', kept)
    expect((await mirror.entrepot('gc')).stdout).toBe('nothing to collect\n')
  })

  it(`is whole when it was pushed while garbage was collected, ${ROUNDS} times`, async () => {
    await using hub = await startFakeHub()
    await using mirror = await MirrorProcess.start({ upstreamUrl: hub.url, config })
    const skopeo = skopeoAt(hub, mirror)
    const names = ['app:1', 'app:2']
    const images = [await publish(hub, 'app:1'), await publish(hub, 'app:2')] as const
    let freedContents = 0
    for (let round = 0; round < ROUNDS; round++) {
      const pushing = new AbortController()
      const collecting = collectUntil(mirror, pushing.signal)
      await Promise.all(names.map((name) => skopeo.push(name)))
      pushing.abort()
      freedContents += await collecting
      await expectWhole(mirror, 'app:1', images[0])
      await expectWhole(mirror, 'app:2', images[1])
      for (const name of names) await skopeo.delete(name)
      await mirror.later()
    }
    freedContents += await collectUntil(mirror, AbortSignal.abort())
    expect(freedContents).toBeGreaterThanOrEqual(7)
    expect(await onDisk(mirror, images.flatMap(contentsOf))).toEqual([])
  })
})

/** Collects at least once. Returns how many contents were freed. */
async function collectUntil(mirror: MirrorProcess, signal: AbortSignal): Promise<number> {
  let freed = 0
  do {
    const headers = { 'content-type': 'application/json' }
    const url = `${mirror.adminUrl}/api/v1/gc`
    const answer = await fetch(url, { method: 'POST', headers, body: '{}' })
    const last = (await answer.text()).trimEnd().split('\n').at(-1) ?? ''
    const { result } = JSON.parse(last) as { result: GarbageResult }
    freed += result.freedContents
  } while (!signal.aborted)
  return freed
}
