import { describe, expect, it } from 'vitest'
import { FixedCredentials } from '../../src/upstream/fixed-credentials.ts'
import { credentialProviderContract } from '../contract/credential-provider-contract.ts'

describe('fixed credentials', () => {
  credentialProviderContract(() => {
    const provider = new FixedCredentials({ username: 'alice', password: 'one' })
    return Promise.resolve({ provider, [Symbol.asyncDispose]: () => Promise.resolve() })
  })

  it('may be none', async () => {
    const provider = new FixedCredentials(undefined)
    expect(await provider.get()).toBeUndefined()
    expect(provider.label).toBe('anonymous')
  })
})
