import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { askProgram } from '../../src/upstream/credential-program.ts'
import { CredentialsError } from '../../src/upstream/credentials.ts'
import { caught } from '../support/caught.ts'
import { answering, fakeHelper } from '../support/credential-program.ts'
import { RunningProcess } from '../support/processes.ts'

const signal = new AbortController().signal
const request = { helper: 'test', server: 'registry.corp:5000', timeoutMs: 10_000, signal }

describe('a credential helper', () => {
  it('is asked for the server and answers with a user and a secret', async () => {
    await using helper = await fakeHelper('test', answering('alice', 'open-sesame'))
    expect(await askProgram(request)).toEqual({ username: 'alice', password: 'open-sesame' })
    expect(await helper.asked()).toEqual(['registry.corp:5000'])
  })

  it('may answer with an identity token', async () => {
    await using _ = await fakeHelper('test', answering('<token>', 'long-lived'))
    expect(await askProgram(request)).toEqual({ username: '<token>', identityToken: 'long-lived' })
  })

  it('may have none', async () => {
    const script = 'echo "credentials not found in native keychain"; exit 1'
    await using _ = await fakeHelper('test', script)
    expect(await askProgram(request)).toBeUndefined()
  })

  it.each([
    ['echo no such profile; exit 3', /failed for registry\.corp:5000 \(exit 3\): no such profile$/],
    ['echo secret-x >&2; exit 1', /failed for registry\.corp:5000 \(exit 1\)$/],
    [`${answering('alice', 'secret-x')}; exit 1`, /\(exit 1\)$/],
    ['kill -9 $$', /\(exit SIGKILL\)$/],
    ['echo secret-x', /answered with what is no JSON$/],
    ['echo null', /answered without Username or Secret$/],
    [answering('', 'secret-x'), /answered without Username or Secret$/],
    [`echo '{"Username":"a","Secret":7}'`, /answered without Username or Secret$/],
    ['yes secret-x', /answers without end$/],
  ])('that does `%s` fails, without its secret', async (script, message) => {
    await using _ = await fakeHelper('test', script)
    const error = await caught(askProgram(request))
    expect(error).toBeInstanceOf(CredentialsError)
    expect(String(error)).toMatch(message)
    const { stack, cause } = error as Error
    expect(`${stack} ${String(cause)}`).not.toContain('secret-x')
  })

  it('that hangs, with what it has started, is not waited for', async () => {
    await using _ = await fakeHelper('test', 'sleep 60')
    const error = await caught(askProgram({ ...request, timeoutMs: 100 }))
    expect(String(error)).toMatch(/docker-credential-test did not answer in time$/)
  })

  it('that is not there is told as such', async () => {
    const error = await caught(askProgram({ ...request, helper: 'absent' }))
    expect(String(error)).toMatch(/there is no docker-credential-absent on the PATH$/)
  })

  it('that cannot be run for want of descriptors is told as such, and ends nobody else', async () => {
    const script = join(import.meta.dirname, 'ask-without-descriptors.process.ts')
    const command = ['sh', '-c', 'ulimit -n 64 && exec "$0" "$1"', process.execPath, script]
    await using asking = new RunningProcess(command)
    expect(await asking.exited).toMatchObject({ code: 0 })
    expect(asking.output).toBe('CredentialsError: docker-credential-test cannot be run (EMFILE)')
  })

  it('that the system does not start at all is told as such', async () => {
    await using _ = await fakeHelper('test', answering('alice', 'open-sesame'))
    vi.stubEnv('TOO_LONG_FOR_A_PROCESS', 'x'.repeat(256 * 1024))
    const error = await caught(askProgram(request)).finally(() => vi.unstubAllEnvs())
    expect(error).toBeInstanceOf(CredentialsError)
    expect(String(error)).toMatch(/docker-credential-test cannot be run \(E2BIG\)$/)
  })

  it('that does not read what it is asked may answer all the same', async () => {
    await using helper = await fakeHelper('test', '')
    await helper.does('exit 0')
    expect(String(await caught(askProgram(request)))).toMatch(/what is no JSON$/)
  })

  it.each(['../evil', 'a/b', '', '-x', 'a b'])('named %j is not run', async (helper) => {
    const error = await caught(askProgram({ ...request, helper }))
    expect(String(error)).toMatch(/is no name of a credential helper$/)
  })
})
