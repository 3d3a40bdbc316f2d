import { describe, expect, test } from 'vitest'
import { buildImage, buildIndex } from '../support/images.ts'
import { APP, pushImage, pushManifest, remove } from './hosted-push.ts'
import { startHosted, type HostedRig } from './hosted-rig.ts'

async function tagsOf(rig: HostedRig, query = '') {
  const { status, body, headers } = await rig.ask(`${APP}/tags/list${query}`)
  const { tags } = JSON.parse(body.toString()) as { tags?: string[] }
  return { status, tags, link: headers['link'] }
}

describe('tags', () => {
  test('are listed in lexical order, page by page', async () => {
    await using rig = await startHosted()
    const image = await buildImage({ seed: 'hosted' })
    for (const tag of ['b', 'a', 'C', '10', '9']) await pushImage(rig, image, tag)
    expect((await tagsOf(rig)).tags).toEqual(['10', '9', 'C', 'a', 'b'])
    const { tags, link } = await tagsOf(rig, '?n=2')
    expect(tags).toEqual(['10', '9'])
    expect(link).toBe(`<${APP}/tags/list?n=2&last=9>; rel="next"`)
    const { tags: last, link: none } = await tagsOf(rig, '?n=3&last=9')
    expect([last, none]).toEqual([['C', 'a', 'b'], undefined])
    expect(await tagsOf(rig, '?n=0')).toEqual({ status: 200, tags: [], link: undefined })
  })

  test('are none where a repository has manifests alone, and it is unknown without these', async () => {
    await using rig = await startHosted()
    expect((await tagsOf(rig)).status).toBe(404)
    const image = await buildImage({ seed: 'hosted' })
    await pushImage(rig, image, '1')
    // Of another repository's index it is a part.
    await pushImage(rig, image, image.root.digest, '/v2/private/other')
    const index = buildIndex({ amd64: image })
    await pushManifest(rig, index, index.root.digest, '1', '/v2/private/other')
    await remove(rig, '1')
    expect(await tagsOf(rig)).toMatchObject({ status: 200, tags: [] })
    await remove(rig, image.root.digest)
    expect((await tagsOf(rig)).status).toBe(404)
  })
})
