import { expect, test } from 'vitest'
import { isLoopback } from '../../src/util/loopback.ts'

test.each(['127.0.0.1', '127.8.8.8', '::1', '[::1]', 'localhost', 'LOCALHOST'])(
  '%s is this machine',
  (host) => {
    expect(isLoopback(host)).toBe(true)
  },
)

test.each(['10.0.0.1', '0.0.0.0', '::', 'fe80::1', 'mirror', 'localhost.example.com', ''])(
  '%s is not, for all we know',
  (host) => {
    expect(isLoopback(host)).toBe(false)
  },
)
