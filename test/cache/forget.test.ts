import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encodedOf, type Digest } from '../../src/oci/digest.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import { Gate } from '../support/gate.ts'
import { buildImage } from '../support/images.ts'
import { until } from '../support/turns.ts'
import {
  byDigest,
  demo,
  mirrorOn,
  never,
  pullBlobs,
  tagged,
  upstreamSource,
  type MirrorRig,
} from './mirror-rig.ts'

const image = await buildImage({ seed: 'forgotten' })
const { digest } = image.root
const [blob = digest] = image.blobs.keys()
const other = parseRepository('library/other')!

/** An upstream with the image in two repositories, and what was pulled of it. */
function prepare() {
  const source = upstreamSource()
  source.add(demo, 'latest', image)
  source.add(other, 'latest', image)
  return source
}

async function pullAll(rig: MirrorRig) {
  for (const repository of [demo, other]) {
    await rig.mirror.manifest(tagged('latest', repository), { signal: never })
    await until('the manifest is kept', () => rig.inventory.held(digest))
    await rig.mirror.manifest(byDigest(digest, repository), { signal: never })
  }
  await pullBlobs(rig, image)
  await rig.mirror.statBlob(other, blob, { signal: never })
}

/** Takes content out of the inventory and the store, as eviction does. */
async function remove({ inventory, folder }: MirrorRig, root: Digest) {
  const gone = await inventory.evict(root, () => true)
  for (const content of gone) {
    const hex = encodedOf(content.digest)
    await rm(join(folder, 'blobs', 'sha256', hex.slice(0, 2), hex))
  }
  return gone
}

describe.each([true, false])('content that has gone (public: %s)', (isPublic) => {
  it('is asked for upstream, whichever repository it was pulled through', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source, { isPublic })
    await pullAll(rig)
    for (const departure of await remove(rig, digest)) rig.mirror.forget(departure)
    source.asked.length = 0
    for (const repository of [demo, other]) {
      await rig.mirror.statBlob(repository, blob, { signal: never })
      await rig.mirror.resolve(byDigest(digest, repository), { signal: never })
    }
    expect(source.asked).toEqual([
      `statBlob ${demo}@${blob}`,
      `resolve ${demo}@${digest}`,
      `statBlob ${other}@${blob}`,
      `resolve ${other}@${digest}`,
    ])
    const again = await rig.mirror.manifest(byDigest(digest), { signal: never })
    expect(again).toMatchObject({ outcome: 'miss' })
    source.asked.length = 0
    await pullBlobs(rig, image)
    expect(source.count('blob')).toBe(image.blobs.size)
    await until('it is held again', () => rig.inventory.held(digest))
  })

  it('takes its tags along, which are asked for upstream', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source, { isPublic })
    await pullAll(rig)
    for (const departure of await remove(rig, digest)) rig.mirror.forget(departure)
    source.asked.length = 0
    const pulled = await rig.mirror.manifest(tagged('latest'), { signal: never })
    expect(pulled).toMatchObject({ outcome: 'miss' })
    expect(source.asked).toEqual([`manifest ${demo}:latest`])
    const id = { registry: 'docker.io', name: demo }
    await until('the tag is known again', () => rig.inventory.tag(id, tagged('latest').tag))
  })

  it('is not remembered by those who were just looking it up', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source, { isPublic })
    await pullAll(rig)
    const departures = [digest, ...image.blobs.keys()].map((one) => ({ digest: one, names: [] }))
    for (const departure of departures) rig.mirror.forget(departure)
    const gate = new Gate()
    rig.inventorySteps.held = async (look) => {
      const found = await look()
      await gate.pass()
      return found
    }
    const looking = [
      rig.mirror.statBlob(demo, blob, { signal: never }),
      rig.mirror.manifest(byDigest(digest), { signal: never }),
    ]
    await gate.reached
    for (const departure of await remove(rig, digest)) rig.mirror.forget(departure)
    gate.open()
    delete rig.inventorySteps.held
    await Promise.all(looking)
    source.asked.length = 0
    await rig.mirror.statBlob(demo, blob, { signal: never })
    expect(source.asked).toEqual([`statBlob ${demo}@${blob}`])
  })
})

describe('a manifest that goes while it is read from the store', () => {
  it('is given out this once', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source)
    await pullAll(rig)
    rig.mirror.forget({ digest, names: [] })
    const gate = new Gate()
    rig.storeSteps.open = async (open) => {
      const reader = await open()
      await gate.pass()
      return reader
    }
    const reading = rig.mirror.manifest(byDigest(digest), { signal: never })
    await gate.reached
    for (const departure of await remove(rig, digest)) rig.mirror.forget(departure)
    gate.open()
    expect(await reading).toMatchObject({ outcome: 'hit' })
    const again = await rig.mirror.manifest(byDigest(digest), { signal: never })
    expect(again).toMatchObject({ outcome: 'miss' })
  })
})

describe('a tag that is forgotten while it is looked up', () => {
  it('is asked for upstream the next time', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source)
    await pullAll(rig)
    const id = { registry: 'docker.io', name: demo }
    const { tag } = tagged('latest')
    rig.mirror.forget({ digest, names: [{ repository: id, tags: [tag] }] })
    const gate = new Gate()
    rig.inventorySteps.tag = async (look) => {
      const found = await look()
      await gate.pass()
      return found
    }
    const looking = rig.mirror.resolve(tagged('latest'), { signal: never })
    await gate.reached
    await rig.inventory.dropTag(id, tag)
    rig.mirror.forget({ digest, names: [{ repository: id, tags: [tag] }] })
    gate.open()
    await looking
    source.asked.length = 0
    await rig.mirror.resolve(tagged('latest'), { signal: never })
    expect(source.asked).toEqual([`resolve ${demo}:latest`])
  })
})

describe('a manifest that was first pulled as a blob', () => {
  it('is had as a manifest once it was asked for as one', async () => {
    const source = prepare()
    source.addBlob(demo, digest, image.manifests.get(digest)!.bytes)
    await using rig = await mirrorOn(source)
    const pulled = await rig.mirror.blob(demo, digest, { signal: never })
    await pulled!.body[Symbol.asyncDispose]()
    await until('it is held', () => rig.inventory.held(digest))
    await rig.mirror.statBlob(demo, digest, { signal: never })
    const manifest = await rig.mirror.manifest(byDigest(digest), { signal: never })
    expect(manifest!.descriptor).toEqual(image.root)
  })
})
