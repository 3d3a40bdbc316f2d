import { expect, it } from 'vitest'
import type { CredentialProvider, Credentials } from '../../src/upstream/credentials.ts'

const { signal } = new AbortController()

/** A provider whose source has `alice` with the password `one`, and nothing else. */
export function credentialProviderContract(
  open: () => Promise<AsyncDisposable & { provider: CredentialProvider }>,
): void {
  const alice: Credentials = { username: 'alice', password: 'one' }

  it('gives credentials, and their user name as its label', async () => {
    await using opened = await open()
    expect(await opened.provider.get(signal)).toEqual(alice)
    expect(opened.provider.label).toBe('alice')
  })

  it('has no others where those that it has are refused', async () => {
    await using opened = await open()
    const given = await opened.provider.get(signal)
    expect(await opened.provider.renew(given!, signal)).toBeUndefined()
    expect(await opened.provider.get(signal)).toEqual(alice)
    expect(opened.provider.label).toBe('alice')
  })

  it('gives the same to many at once', async () => {
    await using opened = await open()
    const all = await Promise.all(Array.from({ length: 20 }, () => opened.provider.get(signal)))
    expect(all).toEqual(all.map(() => alice))
  })

  it('shows none of them to who prints it', async () => {
    await using opened = await open()
    await opened.provider.get(signal)
    expect(JSON.stringify(opened.provider)).not.toContain('one')
  })
}
