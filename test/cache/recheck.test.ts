import { readFile, truncate, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { caught } from '../support/caught.ts'
import { blobPath, quarantinePath } from '../support/damage.ts'
import { buildImage, bytesOf } from '../support/images.ts'
import { until } from '../support/turns.ts'
import { drained } from './fill-rig.ts'
import {
  byDigest,
  demo,
  mirrorOn,
  never,
  upstreamSource,
  type MirrorRig,
  type MirrorRigOptions,
} from './mirror-rig.ts'

const bytes = bytesOf('layer', 300_000)
const digest = digestOf(bytes)
const image = await buildImage()

async function pull({ mirror }: MirrorRig) {
  const blob = await mirror.blob(demo, digest, { signal: never })
  return { outcome: blob!.outcome, ...(await drained(blob!.body)) }
}

/** A mirror that holds the blob. */
async function holding(options: MirrorRigOptions = {}): Promise<MirrorRig> {
  const source = upstreamSource()
  source.addBlob(demo, digest, bytes)
  source.add(demo, 'latest', image)
  const rig = await mirrorOn(source, options)
  await pull(rig)
  await until('the fill has ended', () => rig.fills.list().length === 0)
  return rig
}

/** Expects that the blob is filled once more and then a hit, whole. */
async function expectRefilled(rig: MirrorRig): Promise<void> {
  expect(await rig.inventory.held(digest)).toBeUndefined()
  for (const outcome of ['miss', 'hit']) {
    const pulled = await pull(rig)
    expect(pulled).toMatchObject({ outcome, error: undefined })
    expect(pulled.bytes.equals(bytes)).toBe(true)
    await until('the fill has ended', () => rig.fills.list().length === 0)
  }
}

describe('a blob that is found truncated while it is being served', () => {
  it('is cut off, set aside, and filled again by the next pull', async () => {
    await using rig = await holding()
    const blob = await rig.mirror.blob(demo, digest, { signal: never })
    await truncate(blobPath(rig.folder, digest), 100_000)
    const served = await drained(blob!.body)
    expect(served.error).toMatchObject({ kind: 'corrupt' })
    expect(served.bytes.equals(bytes.subarray(0, 100_000))).toBe(true)
    expect(rig.logged('content lost')).toHaveLength(1)
    expect(
      (await readFile(quarantinePath(rig.folder, digest))).equals(bytes.subarray(0, 100_000)),
    ).toBe(true)
    await expectRefilled(rig)
  })

  it('is lost once, however many are served', async () => {
    await using rig = await holding()
    const open = () => rig.mirror.blob(demo, digest, { signal: never })
    const blobs = await Promise.all([open(), open(), open()])
    await truncate(blobPath(rig.folder, digest), 100_000)
    const served = await Promise.all(blobs.map((blob) => drained(blob!.body)))
    for (const { error } of served) expect(error).toMatchObject({ kind: 'corrupt' })
    expect(rig.logged('content lost')).toHaveLength(1)
    await expectRefilled(rig)
  })

  it('is left alone where it has been filled again meanwhile', async () => {
    await using rig = await holding()
    const blob = await rig.mirror.blob(demo, digest, { signal: never })
    await truncate(blobPath(rig.folder, digest), 100_000)
    expect(await pull(rig)).toMatchObject({ outcome: 'miss' })
    await until('the fill has ended', () => rig.fills.list().length === 0)
    expect((await drained(blob!.body)).error).toMatchObject({ kind: 'corrupt' })
    expect(rig.logged('content lost')).toHaveLength(1)
    expect(await pull(rig)).toMatchObject({ outcome: 'hit' })
  })

  it('is no longer on record where it cannot be set aside', async () => {
    await using rig = await holding()
    rig.storeSteps.quarantine = () => Promise.reject(new StoreError('no-space', 'full'))
    await truncate(blobPath(rig.folder, digest), 100_000)
    expect(await pull(rig)).toMatchObject({ outcome: 'miss', error: undefined })
    expect(rig.logged('store failed')).toHaveLength(1)
    await until('the fill has ended', () => rig.fills.list().length === 0)
    expect(await pull(rig)).toMatchObject({ outcome: 'hit', error: undefined })
  })
})

it('a blob that the disk cannot read any more is set aside and filled again', async () => {
  await using rig = await holding()
  const broken = new StoreError('corrupt', 'broken sector')
  rig.storeSteps.open = async (open) => ({
    ...((await open()) as object),
    sizeBytes: bytes.length,
    read: () => Promise.reject(broken),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  })
  expect((await pull(rig)).error).toBe(broken)
  delete rig.storeSteps.open
  expect((await readFile(quarantinePath(rig.folder, digest))).equals(bytes)).toBe(true)
  await expectRefilled(rig)
})

it('a blob that cannot be opened for another reason is not given up', async () => {
  await using rig = await holding()
  const refused = new StoreError('io', 'too many open files')
  rig.storeSteps.open = () => Promise.reject(refused)
  expect(await caught(rig.holdings.recheck(digest))).toBe(refused)
  delete rig.storeSteps.open
  expect(await rig.inventory.held(digest)).toMatchObject({ digest })
  expect(await pull(rig)).toMatchObject({ outcome: 'hit', error: undefined })
})

it('a manifest with a wrong byte is set aside and fetched again', async () => {
  await using rig = await holding()
  const root = image.root.digest
  const right = image.manifests.get(root)!.bytes
  const manifest = () => rig.mirror.manifest(byDigest(root), { signal: never })
  await manifest()
  await until('it is kept', () => rig.inventory.held(root))
  const wrong = Buffer.from(right).fill('x', 5, 6)
  await writeFile(blobPath(rig.folder, root), wrong)
  rig.mirror.forget({ digest: root, names: [] })
  expect(await manifest()).toMatchObject({ outcome: 'miss', bytes: right })
  expect((await readFile(quarantinePath(rig.folder, root))).equals(wrong)).toBe(true)
  await until('it is kept again', () => rig.inventory.held(root))
})
