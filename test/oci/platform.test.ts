import { assert, property, stringMatching, option, record } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatPlatform, isAsked, parsePlatform, type Platform } from '../../src/oci/platform.ts'

function of(text: string): Platform {
  return parsePlatform(text)!
}

describe('a platform', () => {
  test('is read as it is written', () => {
    const name = stringMatching(/^[a-z0-9]+$/)
    const platforms = record({
      os: name,
      architecture: name,
      variant: option(stringMatching(/^[a-z0-9.]+$/), { nil: undefined }),
    })
    assert(
      property(platforms, (platform) => {
        expect(parsePlatform(formatPlatform(platform))).toEqual(platform)
      }),
    )
  })

  test.each(['', 'linux', 'linux/', '/amd64', 'linux/arm/v7/x', 'Linux/amd64', 'linux/amd64 '])(
    '"%s" is none',
    (text) => {
      expect(parsePlatform(text)).toBeUndefined()
    },
  )
})

describe('an image', () => {
  test.each([
    ['linux/amd64', 'linux/amd64'],
    ['linux/arm/v7', 'linux/arm'],
    ['linux/arm/v6', 'linux/arm'],
    ['linux/arm64', 'linux/arm64/v8'],
    ['linux/arm64/v8', 'linux/arm64/v8'],
    ['linux/arm', 'linux/arm/v7'],
  ])('for %s is meant by %s', (platform, asked) => {
    expect(isAsked(of(platform), of(asked))).toBe(true)
  })

  test.each([
    ['linux/arm64', 'linux/amd64'],
    ['windows/amd64', 'linux/amd64'],
    ['linux/arm/v6', 'linux/arm/v7'],
    ['linux/arm', 'linux/arm/v6'],
    ['linux/amd64/v3', 'linux/amd64/v2'],
  ])('for %s is not meant by %s', (platform, asked) => {
    expect(isAsked(of(platform), of(asked))).toBe(false)
  })
})
