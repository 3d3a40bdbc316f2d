import { copyFile, mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openSqliteInventory } from '../../src/inventory/sqlite.ts'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import type { Repository, Tag } from '../../src/oci/reference.ts'
import { Gate } from '../support/gate.ts'
import { buildArtifact } from '../support/artifacts.ts'
import { buildImage, bytesOf, type TestImage } from '../support/images.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startHosted, type HostedRig } from './hosted-rig.ts'

const APP = '/v2/private/app'
const repository = { registry: 'private', name: 'app' as Repository }
const bytes = bytesOf('layer', 50_000)
const digest = digestOf(bytes)

const pushBlob = (rig: HostedRig, blob: Buffer) =>
  rig.ask(`${APP}/blobs/uploads/?digest=${digestOf(blob)}`, { method: 'POST', body: blob })

function pushManifest(rig: HostedRig, image: TestImage, tag: string) {
  const { mediaType, bytes: body } = image.manifests.get(image.root.digest)!
  const headers = { 'Content-Type': mediaType }
  return rig.ask(`${APP}/manifests/${tag}`, { method: 'PUT', headers, body })
}

describe('what is acknowledged', () => {
  test('has been synced before', async () => {
    const gate = new Gate()
    const steps: string[] = []
    await using rig = await startHosted({
      steps: {
        record: async (run) => {
          await run()
          steps.push('recorded')
        },
        sync: async (run) => {
          steps.push('sync')
          await gate.pass()
          await run()
          steps.push('synced')
        },
      },
    })
    const pushing = pushBlob(rig, bytes).then(({ status }) => steps.push(`answer ${status}`))
    const asked = await rig.ask(`${APP}/blobs/${digest}`)
    expect(steps).not.toContain('answer 201')
    gate.open()
    await pushing
    expect(steps).toEqual(['recorded', 'sync', 'synced', 'answer 201'])
    expect([200, 404]).toContain(asked.status)
  })

  test('is what the disk has, should the power go at that moment', async () => {
    await using folder = await temporaryFolder()
    let disk = ''
    await using rig = await startHosted({
      folder: folder.path,
      steps: {
        // Of the inventory a disk has what was synced last.
        sync: async (run) => {
          await run()
          const copy = await mkdtemp(join(folder.path, 'disk-'))
          for (const name of ['inventory.db', 'inventory.db-wal']) {
            await copyFile(join(folder.path, name), join(copy, name))
          }
          disk = copy
        },
      },
    })
    for (const count of [1, 2, 3]) {
      const image = await buildImage({ seed: `image ${count}` })
      for (const blob of image.blobs.values()) {
        expect((await pushBlob(rig, blob)).status).toBe(201)
        expect(await isOnDisk(disk, digestOf(blob))).toBe(true)
      }
      expect((await pushManifest(rig, image, `${count}`)).status).toBe(201)
      await using inventory = await openSqliteInventory(join(disk, 'inventory.db'))
      const tagged = await inventory.tag(repository, `${count}` as Tag)
      expect(tagged?.descriptor.digest).toBe(image.root.digest)
    }
  })
})

test('a manifest comes with what it refers to, or not at all', async () => {
  const image = await buildImage({ seed: 'image' })
  const signature = buildArtifact({ subject: image.root })
  const path = `${APP}/referrers/${image.root.digest}`
  const listed: unknown[] = []
  await using rig = await startHosted({
    steps: {
      // The process may end behind it.
      record: async (run) => {
        await run()
        const { body } = await rig.ask(path)
        listed.push((JSON.parse(body.toString()) as { manifests: unknown[] }).manifests.length)
      },
    },
  })
  for (const blob of signature.blobs.values()) await pushBlob(rig, blob)
  expect((await pushManifest(rig, signature, signature.root.digest)).status).toBe(201)
  expect(listed.at(-1)).toBe(1)
})

async function isOnDisk(disk: string, blob: Digest): Promise<boolean> {
  await using inventory = await openSqliteInventory(join(disk, 'inventory.db'))
  return inventory.isLinked(blob, repository)
}

describe('at the same time', () => {
  test('many push the same blob, and it is kept once', async () => {
    await using rig = await startHosted()
    const pushes = Array.from({ length: 20 }, () => pushBlob(rig, bytes))
    for (const { status } of await Promise.all(pushes)) expect(status).toBe(201)
    expect((await rig.inventory.totals()).entries).toBe(1)
    expect((await rig.ask(`${APP}/blobs/${digest}`)).body).toEqual(bytes)
  })

  test('many push the same tag, and it stands for one of what they pushed', async () => {
    await using rig = await startHosted()
    const seeds = Array.from({ length: 10 }, (_, index) => `image ${index}`)
    const images = await Promise.all(seeds.map((seed) => buildImage({ seed, layers: 1 })))
    const pushes = images.map(async (image) => {
      for (const blob of image.blobs.values()) await pushBlob(rig, blob)
      return pushManifest(rig, image, 'latest')
    })
    for (const { status } of await Promise.all(pushes)) expect(status).toBe(201)
    const { headers } = await rig.ask(`${APP}/manifests/latest`)
    const roots = images.map(({ root }) => root.digest as string)
    expect(roots).toContain(headers['docker-content-digest'])
    for (const root of roots) expect((await rig.ask(`${APP}/manifests/${root}`)).status).toBe(200)
  })

  test('chunks of one upload wait for each other', async () => {
    await using rig = await startHosted()
    const { headers } = await rig.ask(`${APP}/blobs/uploads/`, { method: 'POST' })
    const parts = ['aaaa', 'bbbb', 'cccc']
    const patch = async (body: string) => {
      const { status, headers: grown } = await rig.ask(headers.location!, { method: 'PATCH', body })
      expect(status).toBe(202)
      return { body, range: grown.range! }
    }
    const grown = await Promise.all(parts.map(patch))
    // Each was told how far the upload went with it: so that is their order.
    grown.sort(
      (one, other) => one.range.length - other.range.length || (one.range < other.range ? -1 : 1),
    )
    expect(grown.map(({ range }) => range)).toEqual(['0-3', '0-7', '0-11'])
    const whole = Buffer.from(grown.map(({ body }) => body).join(''))
    const path = `${headers.location}?digest=${digestOf(whole)}`
    expect((await rig.ask(path, { method: 'PUT' })).status).toBe(201)
  })
})
