import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import type { Repository } from '../../src/oci/reference.ts'
import { contentOf } from '../support/contents.ts'
import { buildImage, bytesOf } from '../support/images.ts'
import { APP, pushBlob, pushImage } from './hosted-push.ts'
import { startHosted } from './hosted-rig.ts'

const UPLOADS = `${APP}/blobs/uploads/`
const bytes = bytesOf('layer', 100_000)
const digest = digestOf(bytes)

describe('a blob', () => {
  test('that another hosted repository has is mounted', async () => {
    await using rig = await startHosted()
    await pushBlob(rig, bytes, '/v2/private/base')
    const path = `${UPLOADS}?mount=${digest}&from=private/base`
    expect((await rig.ask(path, { method: 'POST' })).status).toBe(201)
    expect((await rig.ask(`${APP}/blobs/${digest}`)).body).toEqual(bytes)
  })

  test('that a mirrored repository has is mounted, if it may be pulled there', async () => {
    await using rig = await startHosted()
    const name = 'library/base' as Repository
    const content = { ...contentOf('base'), digest, sizeBytes: bytes.length }
    await rig.inventory.record(content, [], { registry: 'docker.io', name })
    const path = `${UPLOADS}?mount=${digest}&from=docker.io/library/base`
    expect((await rig.ask(path, { method: 'POST' })).status).toBe(202)
    rig.hub.addBlob(name, digest, bytes)
    expect((await rig.ask(path, { method: 'POST' })).status).toBe(201)
  })

  test('that cannot be mounted is taken from the same request', async () => {
    await using rig = await startHosted()
    const path = `${UPLOADS}?mount=${digest}&from=private/base&digest=${digest}`
    expect((await rig.ask(path, { method: 'POST', body: bytes })).status).toBe(201)
    expect((await rig.ask(`${APP}/blobs/${digest}`)).body).toEqual(bytes)
    const mounted = path.replace('team/app', 'other').replace('private/base', 'private/team/app')
    expect((await rig.ask(mounted, { method: 'POST', body: bytes })).status).toBe(201)
    expect((await rig.ask(`/v2/private/other/blobs/${digest}`)).body).toEqual(bytes)
  })

  test('that is a manifest is not mounted: what it names would be missing', async () => {
    await using rig = await startHosted()
    const image = await buildImage({ seed: 'hosted' })
    await pushImage(rig, image, '1', '/v2/private/base')
    const { digest: root } = image.root
    const path = `${UPLOADS}?mount=${root}&from=private/base`
    expect((await rig.ask(path, { method: 'POST' })).status).toBe(202)
    expect((await rig.ask(`${APP}/manifests/${root}`)).status).toBe(404)
  })

  test('that nobody has is to be uploaded', async () => {
    await using rig = await startHosted()
    const path = `${UPLOADS}?mount=${digest}&from=private/base`
    expect((await rig.ask(path, { method: 'POST' })).status).toBe(202)
    expect(rig.hub.asked).toEqual([])
  })
})
