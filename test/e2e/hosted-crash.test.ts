import { expect, it } from 'vitest'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import { fetchedDigest } from '../support/fetched.ts'
import { buildImage, type TestImage } from '../support/images.ts'
import type { MirrorProcess } from '../support/mirror-process.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { startHosted } from './hosted-stage.ts'

const SEED = 20_261_121
const ROUNDS = 8
const CLIENTS = 4

/** What was acknowledged to clients that push images of their own, one after the other. */
interface Acknowledged {
  blobs: { repository: string; digest: Digest }[]
  tags: { repository: string; tag: string; digest: Digest }[]
}

it(
  `loses nothing that was acknowledged when it is killed, and shows nothing in part (seed ${SEED})`,
  { timeout: 120_000 },
  async () => {
    const random = seededRandom(SEED)
    await using mirror = await startHosted()
    const acknowledged: Acknowledged = { blobs: [], tags: [] }
    for (let round = 0; round < ROUNDS; round++) {
      const clients = Array.from({ length: CLIENTS }, (_, client) =>
        pushUntilKilled(mirror, `private/app-${round}-${client}`, acknowledged),
      )
      const enough = acknowledged.blobs.length + 1 + Math.floor(random() * 40)
      while (acknowledged.blobs.length < enough) await new Promise(setImmediate)
      await mirror.crash()
      await Promise.all(clients)
      await mirror.restart()
      expect((await mirror.entrepot('sweep')).code).toBe(0)
      await expectAll(mirror, acknowledged)
    }
    await expectWhole(mirror)
    expect(acknowledged.tags.length).toBeGreaterThan(ROUNDS)
  },
)

async function expectAll(mirror: MirrorProcess, { blobs, tags }: Acknowledged): Promise<void> {
  for (const { repository, digest } of blobs) {
    expect(await fetchedDigest(`${mirror.url}/v2/${repository}/blobs/${digest}`)).toBe(digest)
  }
  for (const { repository, tag, digest } of tags) {
    expect(await fetchedDigest(`${mirror.url}/v2/${repository}/manifests/${tag}`)).toBe(digest)
  }
}

/** All that is listed can be pulled, whoever was told of it. */
async function expectWhole(mirror: MirrorProcess): Promise<void> {
  const asked = async <T>(path: string) =>
    (await (await fetch(`${mirror.url}/v2/${path}`)).json()) as T
  const { repositories } = await asked<{ repositories: string[] }>('_catalog')
  for (const repository of repositories) {
    const { tags } = await asked<{ tags: string[] }>(`${repository}/tags/list`)
    for (const tag of tags) {
      type Manifest = Record<'config', { digest: string }> & Record<'layers', { digest: string }[]>
      const { config, layers } = await asked<Manifest>(`${repository}/manifests/${tag}`)
      for (const { digest } of [config, ...layers]) {
        const url = `${mirror.url}/v2/${repository}/blobs/${digest}`
        expect(await fetchedDigest(url)).toBe(digest)
      }
    }
  }
}

/** Pushes images until a push fails, which is the kill. */
async function pushUntilKilled(
  mirror: MirrorProcess,
  repository: string,
  acknowledged: Acknowledged,
): Promise<void> {
  for (let count = 0; ; count++) {
    const image = await buildImage({ seed: `${repository}/${count}`, layerBytes: 50_000 })
    if (!(await pushImage(mirror, repository, `${count}`, image, acknowledged))) return
  }
}

/** False where the mirror is gone. */
async function pushImage(
  mirror: MirrorProcess,
  repository: string,
  tag: string,
  image: TestImage,
  { blobs, tags }: Acknowledged,
): Promise<boolean> {
  const root = `${mirror.url}/v2/${repository}`
  for (const bytes of image.blobs.values()) {
    const digest = digestOf(bytes)
    if (!(await isBlobTaken(root, digest, bytes))) return false
    blobs.push({ repository, digest })
  }
  const { digest } = image.root
  const { bytes, mediaType } = image.manifests.get(digest)!
  if (!(await isTaken(`${root}/manifests/${tag}`, 'PUT', bytes, mediaType))) return false
  tags.push({ repository, tag, digest })
  return true
}

/** One in two comes in chunks. */
async function isBlobTaken(root: string, digest: Digest, bytes: Buffer): Promise<boolean> {
  const uploads = `${root}/blobs/uploads/`
  if (digest < 'sha256:8') return isTaken(`${uploads}?digest=${digest}`, 'POST', bytes)
  try {
    const started = await fetch(uploads, { method: 'POST' })
    const location = new URL(started.headers.get('location') ?? '', root)
    const half = Math.ceil(bytes.length / 2)
    await fetch(location, { method: 'PATCH', body: bytes.subarray(0, half) })
    location.searchParams.set('digest', digest)
    return await isTaken(location.href, 'PUT', bytes.subarray(half))
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}

async function isTaken(
  url: string,
  method: string,
  body: Buffer,
  type = 'application/octet-stream',
): Promise<boolean> {
  const headers = { 'Content-Type': type }
  let answer: Response
  try {
    answer = await fetch(url, { method, headers, body })
  } catch {
    return false
  }
  if (answer.status !== 201) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
  return true
}
