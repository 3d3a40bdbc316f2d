import { describe, expect, it } from 'vitest'
import { FakeClock } from '../fake-clock.ts'
import { buildImage } from '../images.ts'
import { startFakeHub, type FakeHub } from './fake-hub.ts'

const ACCEPT = { accept: 'application/vnd.oci.image.manifest.v1+json' }
const image = await buildImage({ seed: 'hub', layerBytes: 300_000 })
const [layer = '', bytes = Buffer.of()] = [...image.blobs][0] ?? []

async function tokenOf(hub: FakeHub, repository: string): Promise<Record<string, string>> {
  const url = `${hub.tokenUrl}/token?service=registry.test&scope=repository:${repository}:pull`
  const { token } = (await (await fetch(url)).json()) as { token: string }
  return { authorization: `Bearer ${token}` }
}

describe('the fake hub', () => {
  it('challenges, gives tokens for a scope, and lets them expire', async () => {
    const clock = new FakeClock()
    await using hub = await startFakeHub({ clock })
    hub.add('library/demo', '1', image)
    const manifest = `${hub.url}/v2/library/demo/manifests/1`

    const challenged = await fetch(manifest)
    expect(challenged.status).toBe(401)
    expect(challenged.headers.get('www-authenticate')).toContain(`realm="${hub.tokenUrl}/token"`)
    expect((await fetch(manifest, { headers: await tokenOf(hub, 'library/other') })).status).toBe(
      401,
    )

    const headers = await tokenOf(hub, 'library/demo')
    const answer = await fetch(manifest, { headers: { ...headers, ...ACCEPT } })
    expect(answer.headers.get('docker-content-digest')).toBe(image.root.digest)
    clock.advance(300_000)
    expect((await fetch(manifest, { headers })).status).toBe(401)
  })

  it('redirects blobs to a CDN that takes no Authorization', async () => {
    await using hub = await startFakeHub()
    hub.add('library/demo', '1', image)
    const headers = await tokenOf(hub, 'library/demo')
    const redirect = await fetch(`${hub.url}/v2/library/demo/blobs/${layer}`, {
      headers,
      redirect: 'manual',
    })
    const location = redirect.headers.get('location') ?? ''
    expect(redirect.status).toBe(307)
    expect((await fetch(location, { headers })).status).toBe(400)
    const part = await fetch(location, { headers: { range: 'bytes=5-9' } })
    expect(part.headers.get('content-range')).toBe(`bytes 5-9/${bytes.length}`)
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(5, 10))
    expect(hub.count({ kind: 'cdn', status: 206, digest: layer })).toBe(1)
    expect(hub.bytesSent({ kind: 'cdn', status: 206 })).toBe(5)
  })

  it('counts manifest GETs, not HEADs, against the rate limit', async () => {
    const clock = new FakeClock()
    await using hub = await startFakeHub({
      auth: 'none',
      clock,
      rateLimit: { limit: 1, windowSeconds: 60, retryAfterSeconds: 7 },
    })
    hub.add('library/demo', '1', image)
    const manifest = `${hub.url}/v2/library/demo/manifests/1`
    await fetch(manifest, { method: 'HEAD' })
    const first = await fetch(manifest)
    expect(first.headers.get('ratelimit-remaining')).toBe('0;w=60')
    const refused = await fetch(manifest)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '7'])
    expect((await fetch(manifest, { method: 'HEAD' })).status).toBe(200)
    clock.advance(60_000)
    expect((await fetch(manifest)).status).toBe(200)
  })

  it('cuts a body after so many bytes, so many times', async () => {
    await using hub = await startFakeHub({ auth: 'none', blobs: 'direct' })
    hub.add('library/demo', '1', image)
    const blob = `${hub.url}/v2/library/demo/blobs/${layer}`
    hub.fault({ path: /blobs/, times: 1 }, { kind: 'cut', afterBytes: 1000 })
    await expect(fetch(blob).then((answer) => answer.arrayBuffer())).rejects.toThrow()
    expect(hub.bytesSent({ kind: 'blob' })).toBe(1000)
    expect(Buffer.from(await (await fetch(blob)).arrayBuffer())).toEqual(bytes)
  })

  it('holds a body at a byte until the test releases it', async () => {
    await using hub = await startFakeHub({ auth: 'none', blobs: 'direct' })
    hub.add('library/demo', '1', image)
    const rule = hub.fault({ path: /blobs/ }, { kind: 'hold', atByte: 1000 })
    const answer = await fetch(`${hub.url}/v2/library/demo/blobs/${layer}`)
    await rule.held()
    expect(hub.bytesSent({ kind: 'blob' })).toBe(1000)
    rule.release()
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes)
  })

  it('refuses connections in an outage and comes back on the same port', async () => {
    await using hub = await startFakeHub({ auth: 'none' })
    const { url } = hub
    await hub.goDown()
    await expect(fetch(`${url}/v2/`)).rejects.toThrow()
    await hub.comeBack()
    expect((await fetch(`${url}/v2/`)).status).toBe(200)
  })
})
