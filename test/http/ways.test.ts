import { describe, expect, test } from 'vitest'
import { image, startMirror } from './mirror.ts'

const { digest } = image.root

describe('a repository of an upstream that is not the default', () => {
  test.each([
    ['ns', `/v2/owner/app/manifests/1?ns=ghcr.io`, undefined],
    ['a prefix of the name', `/v2/ghcr.io/owner/app/manifests/1`, undefined],
    ['a prefix in front of the registry', `/ghcr.io/v2/owner/app/manifests/1`, undefined],
    ['our host', `/v2/owner/app/manifests/1`, 'ghcr.mirror:5000'],
    ['all of them', `/ghcr.io/v2/owner/app/manifests/1?ns=ghcr.io`, 'ghcr.mirror'],
  ])('is the same by %s', async (_, path, host) => {
    await using mirror = await startMirror()
    mirror.ghcr.add('owner/app', '1', image)
    const headers = host === undefined ? {} : { host }
    const answer = await mirror.ask(path, { headers })
    expect(answer.status).toBe(200)
    expect(answer.headers['docker-content-digest']).toBe(digest)
    expect(mirror.ghcr.asked).toEqual(['manifest owner/app:1'])
    expect(mirror.hub.asked).toEqual([])
  })
})

test('the address of an upstream answers as a registry does, that of nobody is not found', async () => {
  await using mirror = await startMirror()
  expect((await mirror.ask('/ghcr.io/v2/')).status).toBe(200)
  expect((await mirror.ask('/evil.io/v2/')).status).toBe(404)
  expect((await mirror.ask('/evil.io/v2/owner/app/manifests/1')).status).toBe(404)
  expect(mirror.hub.asked).toEqual([])
})
