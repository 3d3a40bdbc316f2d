import { describe, expect, it } from 'vitest'
import { S3Breaker } from '../../src/store/s3-breaker.ts'
import { S3Store } from '../../src/store/s3-store.ts'
import { Uploads } from '../../src/store/s3-uploads.ts'
import { blobOf } from '../support/blobs.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { bytesOf } from '../support/images.ts'
import { ScriptedS3 } from '../support/scripted-s3.ts'

const { digest } = blobOf(bytesOf('any', 10))

async function start() {
  const s3 = await ScriptedS3.start()
  const clock = new FakeClock()
  const states: string[] = []
  const changed = (state: string) => void states.push(state)
  const breaker = new S3Breaker(s3.bucket.client, { clock, changed })
  const store = new S3Store(s3.bucket, new Uploads(s3.bucket))
  return {
    s3,
    clock,
    breaker,
    states,
    stat: () => store.stat(digest),
    link: () => store.link({ digest, sizeBytes: 0 }, 60_000),
    [Symbol.asyncDispose]: () => s3[Symbol.asyncDispose](),
  }
}

describe('the breaker of S3', () => {
  it.each([500, 503, 'silence'] as const)('opens when all it hears is %s', async (answer) => {
    await using rig = await start()
    const { s3, breaker, states, stat } = rig
    s3.answer = answer
    for (let failures = 0; failures < 3; failures++) {
      expect(breaker.state).toBe('closed')
      expect(await caught(stat())).toMatchObject({ name: 'StoreError', kind: 'io' })
    }
    expect(states).toEqual(['open'])
    const asked = s3.requests
    // Each was tried three times.
    expect(asked).toBe(9)
    const message = expect.stringContaining('it is not asked for 1 s') as string
    expect(await caught(stat())).toMatchObject({ name: 'StoreError', kind: 'unasked', message })
    expect(s3.requests).toBe(asked)
  })

  it('takes no link for an answer, since S3 is not asked for one', async () => {
    await using rig = await start()
    const { s3, breaker, link } = rig
    expect((await link())?.searchParams.get('X-Amz-Expires')).toBe('60')
    s3.answer = 500
    for (let failures = 0; failures < 3; failures++) await caught(link())
    expect(breaker.state).toBe('open')
  })

  it('closes again when a probe is answered', async () => {
    await using rig = await start()
    const { s3, clock, states, stat } = rig
    s3.answer = 500
    for (let failures = 0; failures < 3; failures++) await caught(stat())
    s3.answer = 200
    clock.advance(1_000)
    expect(await stat()).toEqual({ digest, sizeBytes: 0 })
    expect(states).toEqual(['open', 'half-open', 'closed'])
  })

  it.each([404, 403, 501, 507])('stays closed where S3 answers %i', async (answer) => {
    await using rig = await start()
    const { s3, breaker, stat } = rig
    s3.answer = answer
    for (let failures = 0; failures < 4; failures++) await Promise.allSettled([stat()])
    expect(breaker.state).toBe('closed')
  })
})
