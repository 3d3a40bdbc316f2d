import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { fetchedDigest } from '../support/fetched.ts'
import { startStage } from './stage.ts'

const CLIENTS = 200

describe('two hundred clients at once', () => {
  it('cost one upstream GET of a blob that is not here yet', async () => {
    await using stage = await startStage()
    const { hub, mirror } = stage
    const { repository, image } = await stage.publish({ layers: 1, layerBytes: 2 * 1024 * 1024 })
    const [[layer, { length } = Buffer.of()] = []] = image.blobs
    const half = hub.fault({ server: 'cdn' }, { kind: 'hold', atByte: length / 2 })
    const url = `${mirror.url}/v2/${repository}/blobs/${layer}`
    const fetching = Promise.all(Array.from({ length: CLIENTS }, () => fetchedDigest(url)))
    await eventually('all follow one fill', async () => {
      const { fills } = await mirror.stats()
      return fills[0]?.followers === CLIENTS
    })
    half.release()
    expect(new Set(await fetching)).toEqual(new Set([layer]))
    expect(hub.count({ kind: 'blob', method: 'GET', status: 307 })).toBe(1)
    expect(hub.count({ kind: 'cdn' })).toBe(1)
    expect(hub.bytesSent({ kind: 'cdn' })).toBe(length)

    // A client has its last byte before the daemon has counted it, and before the blob is committed.
    const { pulls } = await eventually('all is counted and kept', async () => {
      const stats = await mirror.stats()
      const isOver = stats.bytes.served === CLIENTS * length && stats.fills.length === 0
      return isOver ? stats : undefined
    })
    expect(pulls).toMatchObject({ miss: 1, join: CLIENTS - 1 })
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
