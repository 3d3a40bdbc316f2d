import { describe, expect, it } from 'vitest'
import { CredentialsError } from '../../src/upstream/credentials.ts'
import {
  ProgramCredentials,
  type ProgramCredentialsOptions,
} from '../../src/upstream/program-credentials.ts'
import { credentialProviderContract } from '../contract/credential-provider-contract.ts'
import { caught } from '../support/caught.ts'
import { answering, fakeHelper } from '../support/credential-program.ts'
import { FakeClock } from '../support/fake-clock.ts'

const { signal } = new AbortController()

function open(options: Partial<ProgramCredentialsOptions> = {}) {
  const clock = new FakeClock()
  const failures: string[] = []
  const provider = new ProgramCredentials({
    helper: 'test',
    server: 'registry.corp',
    whenAbsent: 'fail',
    upstream: 'registry.corp',
    clock,
    events: { credentialsKept: ({ error }) => failures.push(error.message) },
    ...options,
  })
  return { provider, clock, failures }
}

describe('credentials of a helper', () => {
  credentialProviderContract(async () => {
    const helper = await fakeHelper('test', answering('alice', 'one'))
    return { provider: open().provider, [Symbol.asyncDispose]: () => helper[Symbol.asyncDispose]() }
  })

  it('are asked for once, and again after five minutes', async () => {
    await using helper = await fakeHelper('test', answering('alice', 'one'))
    const { provider, clock } = open()
    expect(provider.label).toBe('docker-credential-test')
    await Promise.all([provider.get(signal), provider.get(signal)])
    clock.advance(299_999)
    await provider.get(signal)
    expect(await helper.asked()).toHaveLength(1)
    await helper.does(answering('bob', 'two'))
    clock.advance(1)
    expect(await provider.get(signal)).toEqual({ username: 'bob', password: 'two' })
    expect(provider.label).toBe('bob')
    expect(await helper.asked()).toHaveLength(2)
  })

  it('that are refused are asked for anew, once', async () => {
    await using helper = await fakeHelper('test', answering('alice', 'one'))
    const { provider, clock } = open()
    const refused = (await provider.get(signal))!
    await helper.does(answering('alice', 'two'))
    clock.advance(60_000)
    const renewed = { username: 'alice', password: 'two' }
    const all = Array.from({ length: 20 }, () => provider.renew(refused, signal))
    expect(await Promise.all(all)).toEqual(all.map(() => renewed))
    expect(await provider.renew(refused, signal)).toEqual(renewed)
    expect(await helper.asked()).toHaveLength(2)
  })

  it('that are refused again and again are not asked for all the time', async () => {
    await using helper = await fakeHelper('test', answering('alice', 'one'))
    const { provider, clock } = open()
    const refused = (await provider.get(signal))!
    clock.advance(10_000)
    expect(await provider.renew(refused, signal)).toBeUndefined()
    clock.advance(9_999)
    expect(await provider.renew(refused, signal)).toBeUndefined()
    expect(await helper.asked()).toHaveLength(2)
  })

  it('are asked for again where the clock was put back, when they are due and when they are refused', async () => {
    await using helper = await fakeHelper('test', answering('alice', 'one'))
    const { provider, clock } = open()
    const refused = (await provider.get(signal))!
    clock.putBack(3_600_000)
    await helper.does(answering('alice', 'two'))
    const renewed = { username: 'alice', password: 'two' }
    expect(await provider.renew(refused, signal)).toEqual(renewed)
    clock.putBack(3_600_000)
    expect(await provider.get(signal)).toEqual(renewed)
    expect(await helper.asked()).toHaveLength(3)
  })

  it('are used on while it fails, which is reported', async () => {
    await using helper = await fakeHelper('test', answering('alice', 'one'))
    const { provider, clock, failures } = open()
    const first = await provider.get(signal)
    await helper.does('echo expired session; exit 1')
    clock.advance(300_000)
    expect(await provider.get(signal)).toEqual(first)
    expect(await provider.get(signal)).toEqual(first)
    expect(failures).toEqual([
      'docker-credential-test failed for registry.corp (exit 1): expired session',
    ])
    clock.advance(10_000)
    expect(await caught(provider.renew(first!, signal))).toBeInstanceOf(CredentialsError)
  })

  it('that there are none of are an error, or anonymous', async () => {
    await using _ = await fakeHelper('test', 'echo credentials not found; exit 1')
    expect(String(await caught(open().provider.get(signal)))).toMatch(
      /docker-credential-test has no credentials for registry\.corp$/,
    )
    expect(await open({ whenAbsent: 'anonymous' }).provider.get(signal)).toBeUndefined()
  })

  it('are not waited for when it is stopped, nor by who leaves', async () => {
    await using _ = await fakeHelper('test', 'sleep 60')
    const { provider } = open()
    const leaving = new AbortController()
    const left = caught(provider.get(leaving.signal))
    const stayed = caught(provider.get(signal))
    leaving.abort(new Error('gone'))
    expect(await left).toBe(leaving.signal.reason)
    await provider[Symbol.asyncDispose]()
    expect(await stayed).toBeInstanceOf(CredentialsError)
  })
})
