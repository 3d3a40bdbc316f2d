import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DockerConfigCredentials } from '../../src/upstream/docker-config-credentials.ts'
import { credentialProviderContract } from '../contract/credential-provider-contract.ts'
import { caught } from '../support/caught.ts'
import { answering, fakeHelper } from '../support/credential-program.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const { signal } = new AbortController()

function authOf(user: string, password: string): { auth: string } {
  return { auth: Buffer.from(`${user}:${password}`).toString('base64') }
}

async function open(config: object, server = 'registry.corp') {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'config.json')
  const write = (text: string) => writeFile(path, text)
  await write(JSON.stringify(config))
  const clock = new FakeClock()
  const provider = new DockerConfigCredentials({ path, server, upstream: server, clock })
  return {
    path,
    write,
    clock,
    provider,
    async [Symbol.asyncDispose]() {
      await provider[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

describe('credentials of a docker config', () => {
  credentialProviderContract(() => open({ auths: { 'registry.corp': authOf('alice', 'one') } }))

  it('are read again when it changes, and whoever is not in it is anonymous', async () => {
    await using opened = await open({ auths: { 'registry.corp': authOf('alice', 'one') } })
    const { provider, write } = opened
    const refused = await provider.get(signal)
    await write(JSON.stringify({ auths: { 'registry.corp': authOf('bob', 'another') } }))
    const bob = { username: 'bob', password: 'another' }
    expect(await provider.renew(refused!, signal)).toEqual(bob)
    expect(await provider.get(signal)).toEqual(bob)
    expect(provider.label).toBe('bob')
    await write('{}')
    expect(await provider.get(signal)).toBeUndefined()
    expect(provider.label).toBe('anonymous')
  })

  it('are those of the helper for the registry, else of the store, else its own', async () => {
    const auths = { 'a.corp': authOf('own', 'x'), 'b.corp': authOf('own', 'x') }
    const credHelpers = { 'b.corp': 'special' }
    await using special = await fakeHelper('special', answering('<token>', 'identity'))
    await using store = await fakeHelper('store', 'echo credentials not found; exit 1')
    const all = { auths, credHelpers, credsStore: 'store' }
    await using a = await open(all, 'a.corp')
    await using b = await open(all, 'b.corp')
    expect(await a.provider.get(signal)).toEqual({ username: 'own', password: 'x' })
    expect(await b.provider.get(signal)).toEqual({ username: '<token>', identityToken: 'identity' })
    expect(b.provider.label).toBe('docker config')
    expect(await special.asked()).toEqual(['b.corp'])
    expect(await store.asked()).toEqual(['a.corp'])
    await store.does(answering('stored', 'y'))
    a.clock.advance(300_000)
    expect(await a.provider.get(signal)).toEqual({ username: 'stored', password: 'y' })
  })

  it('of a helper are renewed by it when they are refused', async () => {
    await using helper = await fakeHelper('store', answering('alice', 'one'))
    await using opened = await open({ credsStore: 'store' })
    const { provider, clock } = opened
    const refused = await provider.get(signal)
    await helper.does(answering('alice', 'two'))
    clock.advance(10_000)
    const renewed = { username: 'alice', password: 'two' }
    expect(await provider.renew(refused!, signal)).toEqual(renewed)
  })

  it('cannot be had while it is not there, or is no JSON', async () => {
    await using opened = await open({})
    const { provider, path, write } = opened
    await write('{"auths": "secret')
    expect(String(await caught(provider.get(signal)))).toBe(`CredentialsError: ${path} is no JSON`)
    await rm(path)
    expect(String(await caught(provider.get(signal)))).toBe(
      `CredentialsError: ${path} cannot be read (ENOENT)`,
    )
    await write(JSON.stringify({ auths: { 'registry.corp': authOf('alice', 'one') } }))
    expect(await provider.get(signal)).toEqual({ username: 'alice', password: 'one' })
  })
})
