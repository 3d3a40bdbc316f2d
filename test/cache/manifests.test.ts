import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encodedOf, type Digest } from '../../src/oci/digest.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Gate } from '../support/gate.ts'
import { buildImage, buildIndex, type TestImage, withForeignLayer } from '../support/images.ts'
import { upstreamError, type ScriptedSource } from '../support/scripted-source.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { isPending, until } from '../support/turns.ts'
import {
  byDigest,
  demo,
  mirrorOn,
  never,
  tagged,
  pullBlobs,
  upstreamSource,
  type MirrorRig,
  type MirrorRigOptions,
} from './mirror-rig.ts'

const arm = await buildImage({ architecture: 'arm64', seed: 'arm' })
const amd = await buildImage({ architecture: 'amd64', seed: 'amd' })
const index = buildIndex({ amd64: amd, arm64: arm })
const docker = buildIndex({ amd64: await buildImage({ format: 'docker' }) }, 'docker')
const images = { index, image: amd, docker }
const down = upstreamError('unreachable')

function prepare(image: TestImage = index): ScriptedSource {
  const source = upstreamSource()
  source.add(demo, 'latest', image)
  return source
}

async function pull({ mirror }: MirrorRig, digest: Digest) {
  return mirror.manifest(byDigest(digest), { signal: never })
}

function pathOf(folder: string, digest: Digest): string {
  const hex = encodedOf(digest)
  return join(folder, 'blobs', 'sha256', hex.slice(0, 2), hex)
}

describe('a manifest', () => {
  it.each(Object.entries(images))('passes through byte for byte: %s', async (_, image) => {
    await using data = await temporaryFolder()
    const source = prepare(image)
    for (const [digest, { bytes, mediaType }] of image.manifests) {
      const outcomes: string[] = []
      for (const _run of ['first', 'after a restart']) {
        await using rig = await mirrorOn(source, { folder: data.path })
        for (const _pull of ['first', 'from memory']) {
          const manifest = await pull(rig, digest)
          expect(Buffer.from(manifest!.bytes).equals(bytes)).toBe(true)
          expect(manifest!.descriptor).toEqual({ mediaType, digest, sizeBytes: bytes.length })
          outcomes.push(manifest!.outcome)
        }
      }
      expect(outcomes).toEqual(['miss', 'hit', 'hit', 'hit'])
    }
    expect(source.count('manifest')).toBe(image.manifests.size)
  })

  it('is asked for once by any number of clients', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source)
    const pulls = await Promise.all(Array.from({ length: 50 }, () => pull(rig, index.root.digest)))
    expect(source.asked).toEqual([`manifest ${demo}@${index.root.digest}`])
    expect(pulls.map((one) => one!.outcome).sort()).toEqual([...Array(49).fill('join'), 'miss'])
  })

  it('is fetched to its end when the client that asked has left', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source)
    const gate = new Gate()
    source.before = (signal) => gate.pass(signal)
    const leaving = new AbortController()
    const ref = byDigest(index.root.digest)
    const left = caught(rig.mirror.manifest(ref, { signal: leaving.signal }))
    await gate.reached
    leaving.abort(new Error('gone'))
    expect(await left).toMatchObject({ message: 'gone' })
    const stays = pull(rig, index.root.digest)
    gate.open()
    expect(await stays).toMatchObject({ outcome: 'join' })
    expect(source.count('manifest')).toBe(1)
  })

  it('that could not be kept is kept when it is asked for a minute later', async () => {
    const source = prepare(amd)
    const clock = new FakeClock()
    await using rig = await mirrorOn(source, { clock })
    const { digest } = amd.root
    rig.spools.beforeCreate = () => Promise.reject(new StoreError('io', 'broken'))
    await pull(rig, digest)
    await until('it has failed', () => rig.logged('store failed').length === 1)
    rig.spools.beforeCreate = () => Promise.resolve()
    clock.advance(59_999)
    await pull(rig, digest)
    expect(rig.spools.open).toBe(0)
    clock.advance(1)
    await pull(rig, digest)
    await until('it is kept', () => rig.inventory.held(digest))
    expect(source.count('manifest')).toBe(1)
  })

  it('is served before it is kept, and also where it cannot be kept', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source)
    const gate = new Gate()
    rig.storeSteps.put = async () => {
      await gate.pass()
      throw new StoreError('no-space', 'disk full')
    }
    expect(await pull(rig, index.root.digest)).toMatchObject({ outcome: 'miss' })
    await gate.reached
    gate.open()
    await until('the failure is reported', () => rig.logged('store failed').length === 1)
    expect(await pull(rig, index.root.digest)).toMatchObject({ outcome: 'hit' })
    expect(rig.spools.open).toBe(0)
  })

  it('is kept before the mirror is gone, also what came while it waited for that', async () => {
    await using data = await temporaryFolder()
    const source = prepare()
    const [first, second] = [new Gate(), new Gate()]
    const rig = await mirrorOn(source, { folder: data.path })
    const gates = [first, second]
    rig.storeSteps.put = async (put) => {
      await gates.shift()!.pass()
      return put()
    }
    await pull(rig, amd.root.digest)
    await first.reached
    await pull(rig, arm.root.digest)
    const disposed = rig[Symbol.asyncDispose]()
    first.open()
    await second.reached
    second.open()
    await disposed
    source.before = () => Promise.reject(down)
    await using again = await mirrorOn(source, { folder: data.path })
    for (const digest of [amd.root.digest, arm.root.digest]) {
      expect(await again.inventory.held(digest)).toMatchObject({ kind: 'manifest' })
    }
  })

  it('is not worth an error to anyone when the mirror stops while it is fetched', async () => {
    const source = prepare()
    const rig = await mirrorOn(source)
    const gate = new Gate()
    source.before = (signal) => gate.pass(signal)
    const asked = caught(pull(rig, index.root.digest))
    await gate.reached
    await rig[Symbol.asyncDispose]()
    expect(await asked).toMatchObject({ message: 'the mirror is stopping' })
  })

  it('is fetched anew when it has rotted in the store or is gone from it', async () => {
    await using data = await temporaryFolder()
    const source = prepare()
    const { digest } = index.root
    const path = pathOf(data.path, digest)
    const { bytes } = index.manifests.get(digest)!
    const damages = [
      () => writeFile(path, Buffer.from(bytes).fill('x', 5, 6)),
      () => writeFile(path, ''),
      () => rm(path),
    ]
    for (const damage of [() => Promise.resolve(), ...damages]) {
      await damage()
      await using rig = await mirrorOn(source, { folder: data.path })
      const manifest = await pull(rig, digest)
      expect(Buffer.from(manifest!.bytes).equals(bytes)).toBe(true)
      expect(manifest!.outcome).toBe('miss')
    }
    expect(source.count('manifest')).toBe(4)
  })

  it('is refused when it is not a manifest of its type', async () => {
    const source = upstreamSource()
    const mediaType = 'application/vnd.oci.image.manifest.v1+json' as const
    const bad = { mediaType, bytes: Buffer.from('{"schemaVersion":1}') }
    const root = { mediaType, digest: amd.root.digest, sizeBytes: bad.bytes.length }
    source.add(demo, 'bad', { root, manifests: new Map([[root.digest, bad]]), blobs: new Map() })
    await using rig = await mirrorOn(source)
    expect(await caught(pull(rig, root.digest))).toMatchObject({ kind: 'invalid' })
    expect(await caught(rig.mirror.manifest(tagged('bad'), { signal: never }))).toMatchObject({
      kind: 'invalid',
    })
  })
})

describe('absence of a manifest', () => {
  it('is remembered for a while, asked for with GET or HEAD', async () => {
    for (const ask of ['manifest', 'resolve'] as const) {
      const source = upstreamSource()
      const clock = new FakeClock()
      await using rig = await mirrorOn(source, { clock })
      const ref = byDigest(amd.root.digest)
      expect(await rig.mirror[ask](ref, { signal: never })).toBeUndefined()
      clock.advance(59_999)
      expect(await rig.mirror.manifest(ref, { signal: never })).toBeUndefined()
      expect(await rig.mirror.resolve(ref, { signal: never })).toBeUndefined()
      expect(source.asked).toHaveLength(1)
      source.add(demo, 'latest', amd)
      clock.advance(1)
      expect(await rig.mirror.resolve(ref, { signal: never })).toMatchObject({
        descriptor: amd.root,
      })
      expect(await rig.mirror.manifest(ref, { signal: never })).toMatchObject({
        descriptor: amd.root,
      })
    }
  })
})

describe('HEAD of a manifest by digest', () => {
  it('asks upstream with one HEAD for any number of clients, and fetches nothing', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source)
    const ref = byDigest(index.root.digest)
    const gate = new Gate()
    source.before = () => gate.pass()
    const asks = Promise.all(
      Array.from({ length: 20 }, () => rig.mirror.resolve(ref, { signal: never })),
    )
    expect(await isPending(asks)).toBe(true)
    gate.open()
    for (const resolved of await asks) expect(resolved!.descriptor).toEqual(index.root)
    expect(source.asked).toEqual([`resolve ${demo}@${index.root.digest}`])
  })

  it('asks nobody where the manifest is held', async () => {
    await using data = await temporaryFolder()
    const source = prepare(amd)
    const ref = byDigest(amd.root.digest)
    const known = { descriptor: amd.root, outcome: 'hit' }
    {
      await using rig = await mirrorOn(source, { folder: data.path })
      await pull(rig, amd.root.digest)
      await pullBlobs(rig, amd)
      expect(await rig.mirror.resolve(ref, { signal: never })).toMatchObject(known)
    }
    await using again = await mirrorOn(source, { folder: data.path })
    expect(await again.mirror.resolve(ref, { signal: never })).toMatchObject(known)
    expect(source.count('resolve')).toBe(0)
  })
})

describe('a manifest that another repository holds', () => {
  const other = parseRepository('library/other')!

  it.each([
    [true, ['manifest']],
    [false, ['manifest', 'resolve']],
  ])(
    'is served without GET when upstream has it there too (public: %s)',
    async (isPublic, asks) => {
      const source = prepare()
      source.add(other, 'latest', index)
      await using rig = await mirrorOn(source, { isPublic })
      await pull(rig, index.root.digest)
      await until('it is kept', () => rig.inventory.held(index.root.digest))
      const ref = byDigest(index.root.digest, other)
      expect(await rig.mirror.manifest(ref, { signal: never })).toMatchObject({ outcome: 'hit' })
      expect(source.asked.map((ask) => ask.split(' ')[0])).toEqual(asks)
    },
  )

  it('is absent when upstream does not have it there', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source, { isPublic: false })
    await pull(rig, index.root.digest)
    await until('it is kept', () => rig.inventory.held(index.root.digest))
    const ref = byDigest(index.root.digest, other)
    expect(await rig.mirror.manifest(ref, { signal: never })).toBeUndefined()
  })
})

describe('a manifest that is held while upstream has been silent', () => {
  const startMs = Date.UTC(2026, 0, 1)

  /** A mirror that holds the manifests of `image` and the blobs of `pulled`, restarted. */
  async function held(image: TestImage, pulled: TestImage[], options: MirrorRigOptions = {}) {
    const data = await temporaryFolder()
    const source = prepare(image)
    const clock = new FakeClock(startMs)
    {
      await using rig = await mirrorOn(source, { folder: data.path, clock })
      await pull(rig, image.root.digest)
      for (const child of pulled) {
        await pull(rig, child.root.digest)
        await pullBlobs(rig, child)
      }
    }
    source.asked.length = 0
    const rig = await mirrorOn(source, { ...options, folder: data.path, clock })
    const dispose = async () => {
      await rig[Symbol.asyncDispose]()
      await data[Symbol.asyncDispose]()
    }
    return { source, clock, rig, [Symbol.asyncDispose]: dispose }
  }

  it('is served when the whole image is held, with upstream down', async () => {
    await using test = await held(amd, [amd])
    test.source.before = () => Promise.reject(down)
    expect(await pull(test.rig, amd.root.digest)).toMatchObject({ outcome: 'hit' })
    expect(test.source.asked).toEqual([])
  })

  it('is served when one image of the index is held whole, with upstream down', async () => {
    await using test = await held(index, [arm])
    test.source.before = () => Promise.reject(down)
    expect(await pull(test.rig, index.root.digest)).toMatchObject({ outcome: 'hit' })
    expect(await pull(test.rig, arm.root.digest)).toMatchObject({ outcome: 'hit' })
    expect(test.source.asked).toEqual([])
  })

  it('is served when all but a layer is held that clients get elsewhere, with upstream down', async () => {
    const windows = withForeignLayer(amd)
    await using test = await held(windows, [windows])
    test.source.before = () => Promise.reject(down)
    expect(await pull(test.rig, windows.root.digest)).toMatchObject({ outcome: 'hit' })
  })

  it('is refused when blobs are missing and upstream does not answer', async () => {
    await using test = await held(amd, [])
    test.source.before = () => Promise.reject(down)
    expect(await caught(pull(test.rig, amd.root.digest))).toBe(down)
    const head = test.rig.mirror.resolve(byDigest(amd.root.digest), { signal: never })
    expect(await caught(head)).toBe(down)
  })

  it('is refused when no image of the index is whole and upstream does not answer', async () => {
    await using test = await held(index, [])
    test.source.before = () => Promise.reject(down)
    expect(await caught(pull(test.rig, index.root.digest))).toBe(down)
  })

  it('is served when blobs are missing and upstream answers, which is asked once a minute', async () => {
    await using test = await held(amd, [])
    const { rig, clock, source } = test
    const gate = new Gate()
    source.before = () => gate.pass()
    let looks = 0
    rig.inventorySteps.isLinked = (look) => {
      looks++
      return look()
    }
    const pulls = Promise.all(Array.from({ length: 20 }, () => pull(rig, amd.root.digest)))
    // Once for the manifest, which they share, and once each for its first blob.
    await until('all have looked', () => looks === 21)
    expect(await isPending(pulls)).toBe(true)
    gate.open()
    for (const manifest of await pulls) expect(manifest!.outcome).toBe('hit')
    expect(source.asked).toEqual([`resolve ${demo}@${amd.root.digest}`])
    clock.advance(59_999)
    expect(await pull(rig, amd.root.digest)).toMatchObject({ outcome: 'hit' })
    expect(source.asked).toHaveLength(1)
    clock.advance(1)
    await pull(rig, amd.root.digest)
    expect(source.asked).toHaveLength(2)
  })

  it('is absent when blobs are missing and upstream does not have it any more', async () => {
    await using test = await held(amd, [])
    const empty = upstreamSource()
    await using rig = await mirrorOn(empty, { folder: test.rig.folder })
    expect(await pull(rig, amd.root.digest)).toBeUndefined()
  })

  it('is refused after one of its blobs was found lost, with upstream down', async () => {
    await using test = await held(amd, [amd])
    const { rig, source } = test
    source.before = () => Promise.reject(down)
    expect(await pull(rig, amd.root.digest)).toMatchObject({ outcome: 'hit' })
    const [lost] = amd.blobs.keys()
    await rm(pathOf(rig.folder, lost!))
    expect(await caught(rig.mirror.blob(demo, lost!, { signal: never }))).toBe(down)
    expect(await caught(pull(rig, amd.root.digest))).toBe(down)
    source.before = () => Promise.resolve()
    await pullBlobs(rig, amd)
    source.before = () => Promise.reject(down)
    test.clock.advance(60_000)
    expect(await pull(rig, amd.root.digest)).toMatchObject({ outcome: 'hit' })
  })
})
