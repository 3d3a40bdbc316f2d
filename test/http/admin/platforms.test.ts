import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PlatformEntry, PlatformList } from '../../../src/admin-api.ts'
import { eventually } from '../../support/eventually.ts'
import { fetchedDigest } from '../../support/fetched.ts'
import { buildImage, buildIndex } from '../../support/images.ts'
import { jsonOf, type LiveMirror, startLiveMirror } from './live-mirror.ts'

let mirror: LiveMirror

beforeAll(async () => {
  mirror = await startLiveMirror()
})

afterAll(() => mirror[Symbol.asyncDispose]())

async function platformsOf(digest: string): Promise<PlatformEntry[]> {
  const answer = await mirror.ask(`platforms?digest=${digest}`)
  expect(answer.status).toBe(200)
  return (jsonOf(answer) as PlatformList).platforms
}

describe('GET platforms', () => {
  test('tells what an index offers, and what of that is held', async () => {
    const [amd64, arm] = [await buildImage({ seed: 'go' }), await buildImage({ seed: 'go/arm' })]
    const attestation = await buildImage({ seed: 'attestation' })
    const index = buildIndex({ amd64, 'arm/v7': arm }, 'oci', { amd64: attestation })
    mirror.hub.add('library/golang', '1', index)
    const url = `${mirror.url}/v2/library/golang/manifests`
    for (const of of ['1', amd64.root.digest]) await fetchedDigest(`${url}/${of}`)
    await eventually('one is held', async () => {
      const answer = await mirror.ask(`platforms?digest=${index.root.digest}`)
      return answer.status === 200 && (jsonOf(answer) as PlatformList).platforms[0]?.isHeld
    })
    expect(await platformsOf(index.root.digest)).toEqual([
      { platform: 'linux/amd64', digest: amd64.root.digest, isHeld: true },
      { platform: 'linux/arm/v7', digest: arm.root.digest, isHeld: false },
    ])
    // Its config is not here.
    expect(await platformsOf(amd64.root.digest)).toEqual([])
    expect((await mirror.ask(`platforms?digest=${arm.root.digest}`)).status).toBe(404)
  })

  test('tells what the config of an image says', async () => {
    const { digest } = (await mirror.pull('library/alpine:3')).root
    expect(await platformsOf(digest)).toEqual([{ platform: 'linux/amd64', digest, isHeld: true }])
  })

  test('is refused for blobs and what is no digest', async () => {
    const [blob = ''] = (await mirror.pull('library/node:22')).blobs.keys()
    expect((await mirror.ask(`platforms?digest=${blob}`)).status).toBe(404)
    expect((await mirror.ask('platforms?digest=sha256:0')).status).toBe(400)
  })
})
