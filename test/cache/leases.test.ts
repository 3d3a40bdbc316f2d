import { describe, expect, it } from 'vitest'
import { Leases } from '../../src/cache/leases.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { isPending } from '../support/turns.ts'

const never = new AbortController().signal
const [one, two] = [digestOf(Buffer.from('one')), digestOf(Buffer.from('two'))]

describe('content in hand', () => {
  it('is read until its last reader has left', () => {
    const leases = new Leases()
    const first = leases.read(one)
    const second = leases.read(one)
    first[Symbol.dispose]()
    expect([leases.isRead(one), leases.isRead(two)]).toEqual([true, false])
    second[Symbol.dispose]()
    expect(leases.isRead(one)).toBe(false)
  })

  it('is changed by one at a time, by all who wait in the end', async () => {
    const leases = new Leases()
    const first = await leases.change(one, never)
    expect(leases.tryChange(one)).toBeUndefined()
    let changing = 0
    const others = [1, 2, 3].map(async () => {
      using _lease = await leases.change(one, never)
      changing++
      expect(changing).toBe(1)
      await Promise.resolve()
      changing--
    })
    expect(await isPending(Promise.all(others))).toBe(true)
    first[Symbol.dispose]()
    await Promise.all(others)
    expect(leases.tryChange(one)).toBeDefined()
  })

  it('does not hold up what is done with other content, or with the same by readers', async () => {
    const leases = new Leases()
    await leases.change(one, never)
    expect(leases.tryChange(two)).toBeDefined()
    using _reader = leases.read(one)
    expect(leases.isRead(one)).toBe(true)
  })

  it('is not waited for by who has left', async () => {
    const leases = new Leases()
    const first = await leases.change(one, never)
    const leaving = new AbortController()
    const waiting = leases.change(one, leaving.signal)
    leaving.abort(new Error('left'))
    await expect(waiting).rejects.toThrow('left')
    first[Symbol.dispose]()
    expect(leases.tryChange(one)).toBeDefined()
  })
})
