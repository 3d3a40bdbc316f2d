import { describe, expect, it } from 'vitest'
import { fetchedDigest } from '../support/fetched.ts'
import { startStage } from './stage.ts'

const CLIENTS = 200

describe('two hundred clients at once', () => {
  it('cost one upstream GET of a blob that is not here yet', async () => {
    await using stage = await startStage()
    const { hub, mirror } = stage
    const { repository, image } = await stage.publish({ layers: 1, layerBytes: 2 * 1024 * 1024 })
    const [[layer, bytes] = []] = image.blobs
    // Slow enough that all of them are there before it is whole.
    hub.fault({ server: 'cdn' }, { kind: 'slow', bytesPerSecond: 2 * 1024 * 1024 })
    const url = `${mirror.url}/v2/${repository}/blobs/${layer}`
    const digests = await Promise.all(Array.from({ length: CLIENTS }, () => fetchedDigest(url)))
    expect(new Set(digests)).toEqual(new Set([layer]))
    expect(hub.count({ kind: 'blob', method: 'GET', status: 307 })).toBe(1)
    expect(hub.count({ kind: 'cdn' })).toBe(1)
    expect(hub.bytesSent({ kind: 'cdn' })).toBe(bytes?.length)

    const { pulls, fills, bytes: counted } = await stats(mirror.adminUrl)
    expect(pulls).toMatchObject({ miss: 1, join: CLIENTS - 1 })
    expect(counted.served).toBeGreaterThanOrEqual(CLIENTS * (bytes?.length ?? 0))
    expect(counted.fetched).toBe(bytes?.length)
    expect(fills).toEqual([])
  })

  it('cost one upstream GET of a manifest that is not here yet', async () => {
    await using stage = await startStage()
    const { hub, mirror } = stage
    const { repository, image } = await stage.publish()
    const url = `${mirror.url}/v2/${repository}/manifests/1`
    const digests = await Promise.all(Array.from({ length: CLIENTS }, () => fetchedDigest(url)))
    expect(new Set(digests)).toEqual(new Set([image.root.digest]))
    expect(hub.count({ kind: 'manifest', method: 'GET', status: 200 })).toBe(1)
    expect(hub.count({ kind: 'token' })).toBe(1)
  })
})

interface Stats {
  pulls: Record<'hit' | 'miss' | 'join' | 'stale' | 'bypass', number>
  bytes: { served: number; fetched: number }
  fills: unknown[]
}

async function stats(adminUrl: string): Promise<Stats> {
  return (await (await fetch(`${adminUrl}/api/v1/stats`)).json()) as Stats
}
