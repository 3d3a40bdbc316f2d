import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { checkPull } from '../../../src/cli/client/check-pull.ts'
import { parseRepository, parseTag, type Reference } from '../../../src/oci/reference.ts'
import { type FakeHub, startFakeHub } from '../../support/fake-hub/fake-hub.ts'
import { buildImage } from '../../support/images.ts'

/** Here a registry stands for the mirror, so that it can do what a mirror never does. */
describe('a pull that is checked', () => {
  const repository = parseRepository('owner/app')!
  const byTag: Reference = { kind: 'tag', repository, tag: parseTag('1')! }
  const { signal } = new AbortController()
  let registry: FakeHub

  beforeAll(async () => {
    registry = await startFakeHub({ auth: 'none', blobs: 'direct' })
    registry.add('owner/app', '1', await buildImage())
  })

  afterAll(() => registry[Symbol.asyncDispose]())
  afterEach(() => registry.clearFaults())

  const pull = (ns?: string) =>
    checkPull(new URL(registry.url), { upstream: 'ghcr.io', root: '/v2', ns }, byTag, signal)

  it('is one that comes whole', async () => {
    expect((await pull()).href).toBe(`${registry.url}/v2/owner/app/manifests/1`)
  })

  it.each([/manifests/, /blobs/])('has the right bytes: %s', async (path) => {
    registry.fault({ path }, { kind: 'flip', atByte: 10 })
    await expect(pull()).rejects.toThrow(/\/v2\/owner\/app\/.*: sha256:.* came as sha256:/)
  })

  it('is of the registry that was named', async () => {
    await expect(pull('ghcr.io')).rejects.toThrow('the answer does not say that it is of ghcr.io')
  })

  it('tells what a proxy in between says', async () => {
    registry.fault({}, { kind: 'answer', status: 502, body: '<html>' })
    await expect(pull()).rejects.toThrow(': 502 (not a registry)')
  })
})
