import { describe, expect, test } from 'vitest'
import { FailedLogins } from '../../src/auth/failed-logins.ts'
import { FakeClock } from '../support/fake-clock.ts'

const HOME = '192.0.2.1'

function failing(times: number, address = HOME, user = 'ci') {
  const clock = new FakeClock()
  const failures = new FailedLogins(clock)
  for (let time = 0; time < times; time++) failures.add(address, user)
  return { clock, failures }
}

describe('failed logins', () => {
  test('cost nothing while they are few', () => {
    expect(failing(4).failures.waitMs(HOME, 'ci')).toBe(0)
  })

  test('make the next wait, twice as long with each, up to a minute', () => {
    expect([5, 6, 7, 11, 30].map((n) => failing(n).failures.waitMs(HOME, 'ci'))).toEqual([
      1_000, 2_000, 4_000, 60_000, 60_000,
    ])
  })

  test('wait no longer than that', () => {
    const { failures, clock } = failing(5)
    clock.advance(999)
    expect(failures.waitMs(HOME, 'ci')).toBe(1)
    clock.advance(1)
    expect(failures.waitMs(HOME, 'ci')).toBe(0)
  })

  test('of a user at one address slow nobody else', () => {
    const { failures } = failing(10)
    expect(failures.waitMs(HOME, 'dev')).toBe(0)
    expect(failures.waitMs('192.0.2.2', 'ci')).toBe(0)
  })

  test('of many users slow the address', () => {
    const { failures } = failing(0)
    for (let user = 0; user < 20; user++) failures.add(HOME, `user-${user}`)
    expect(failures.waitMs(HOME)).toBe(1_000)
    expect(failures.waitMs(HOME, 'dev')).toBe(0)
    expect(failures.waitMs('192.0.2.2')).toBe(0)
  })

  test('let one be tried at a time', () => {
    const { failures, clock } = failing(20)
    clock.advance(60_000)
    {
      using _turn = failures.try(HOME, 'ci')
      expect([failures.waitMs(HOME, 'ci'), failures.waitMs(HOME)]).toEqual([1_000, 1_000])
      expect(failures.waitMs('192.0.2.2', 'ci')).toBe(0)
    }
    expect([failures.waitMs(HOME, 'ci'), failures.waitMs(HOME)]).toEqual([0, 0])
  })

  test('let any number be tried while they are few', () => {
    const { failures } = failing(4)
    using _turn = failures.try(HOME, 'ci')
    expect([failures.waitMs(HOME, 'ci'), failures.waitMs(HOME)]).toEqual([0, 0])
  })

  test('that were of a user alone do not count for the address', () => {
    const { failures } = failing(0)
    for (let time = 0; time < 20; time++) failures.addOfUser(HOME, 'ci')
    expect([failures.waitMs(HOME, 'ci'), failures.waitMs(HOME)]).toEqual([60_000, 0])
  })

  test('of an address are not forgotten for all the users that are made up there', () => {
    const { failures } = failing(20)
    for (let user = 0; user < 10_000; user++) failures.addOfUser(HOME, `user-${user}`)
    expect(failures.waitMs(HOME)).toBe(1_000)
  })

  test.each([
    ['an IPv6 network', '2001:db8:1:2::1', '2001:db8:1:2:3:4:5:6'],
    ['a zone', 'fe80::1%eth0', 'fe80::2'],
    ['IPv4 within IPv6', '::ffff:192.0.2.1', HOME],
  ])('of %s count as one', (_, address, same) => {
    expect(failing(5, address).failures.waitMs(same, 'ci')).toBe(1_000)
  })

  test('of another IPv6 network do not', () => {
    expect(failing(5, '2001:db8::1').failures.waitMs('2001:db8:0:1::1', 'ci')).toBe(0)
  })

  test('are forgotten after one that is right', () => {
    const { failures } = failing(10)
    failures.forget(HOME, 'ci')
    expect(failures.waitMs(HOME, 'ci')).toBe(0)
  })

  test('are forgotten after a quarter of an hour', () => {
    const { failures, clock } = failing(10)
    clock.advance(15 * 60_000)
    failures.add(HOME, 'ci')
    expect(failures.waitMs(HOME, 'ci')).toBe(0)
  })

  test('wait no longer for a clock that is put back', () => {
    const { failures, clock } = failing(30)
    clock.putBack(3_600_000)
    expect(failures.waitMs(HOME, 'ci')).toBeLessThanOrEqual(60_000)
    expect(failures.waitMs(HOME)).toBeLessThanOrEqual(60_000)
  })

  test('take only so much memory: the oldest go', () => {
    const { failures } = failing(5)
    for (let host = 0; host < 5_000; host++) {
      failures.add(`10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`, 'x')
    }
    expect(failures.waitMs(HOME, 'ci')).toBe(0)
  })
})
