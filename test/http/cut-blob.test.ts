import { truncate } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import { listen } from '../../src/http/server.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { Routes } from '../../src/policy/routes.ts'
import { demo, mirrorOn, upstreamSource } from '../cache/mirror-rig.ts'
import { blobPath } from '../support/damage.ts'
import { bytesOf } from '../support/images.ts'
import { openGate } from '../support/open-gate.ts'
import { until } from '../support/turns.ts'
import { ask } from './mirror.ts'

const bytes = bytesOf('layer', 3_000_000)
const digest = digestOf(bytes)

test('a blob that the disk cuts short while it is served breaks off, and is whole the next time', async () => {
  const upstream = upstreamSource()
  upstream.addBlob(demo, digest, bytes)
  await using rig = await mirrorOn(upstream)
  const source = rig.mirror
  const routes = new Routes([
    { name: 'docker.io', prefix: 'docker.io', hosts: [], isDefault: true, source },
  ])
  const parts = { hosted: undefined, gate: openGate, events: rig.events }
  const app = createApp({ routes, ...parts, isReady: () => true })
  await using server = await listen(app, { host: '127.0.0.1', port: 0 })
  const pull = async () => {
    const answer = await ask(server, `/v2/${demo}/blobs/${digest}`)
    await until('no fill is under way', () => rig.fills.list().length === 0)
    return answer
  }
  expect((await pull()).body.equals(bytes)).toBe(true)

  rig.storeSteps.open = async (open) => {
    const reader = await open()
    await truncate(blobPath(rig.folder, digest), 2_000_000)
    return reader
  }
  const cut = await pull()
  expect(cut).toMatchObject({ status: 200, isComplete: false })
  expect(cut.headers['content-length']).toBe(String(bytes.length))
  expect(bytes.subarray(0, cut.body.length).equals(cut.body)).toBe(true)
  delete rig.storeSteps.open

  for (const pulls of [2, 2]) {
    const whole = await pull()
    expect(whole.isComplete).toBe(true)
    expect(whole.body.equals(bytes)).toBe(true)
    expect(upstream.count('blob')).toBe(pulls)
  }
  expect(rig.logged('content lost')).toHaveLength(1)
  expect(await Array.fromAsync(rig.files.store.quarantined())).toMatchObject([
    { digest, sizeBytes: 2_000_000 },
  ])
})
