import * as fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { lastServed, servedAt, TagHold } from '../../src/cache/tag-hold.ts'
import type { TagSighting } from '../../src/inventory/inventory.ts'
import type { Repository, Tag } from '../../src/oci/reference.ts'
import { blobOf } from '../support/blobs.ts'

const HOUR_MS = 3_600_000

function sighting(
  name: string,
  firstSeenMs: number,
  lastSeenMs: number,
  servedSinceMs?: number,
): TagSighting {
  const descriptor = blobOf(Buffer.from(name))
  return { descriptor, firstSeenMs, lastSeenMs, servedSinceMs, by: undefined }
}

function named(name: string): { repository: Repository; tag: Tag } {
  const [repository, tag] = name.split(':')
  return { repository: repository as Repository, tag: tag as Tag }
}

test.each([
  ['library/node:22', true],
  ['library/debian:13', false],
  ['team/app/web:nightly', false],
  ['team/app/web:1.0', true],
])('with exceptions, %s is held: %s', (name, isHeld) => {
  const holdExcept = ['library/debian', 'team/**:nightly*']
  expect(new TagHold({ holdMs: HOUR_MS, holdExcept }).isFor(named(name))).toBe(isHeld)
  expect(new TagHold({ holdMs: 0, holdExcept }).isFor(named(name))).toBe(false)
})

test('what was seen waits since then, what was served does not', () => {
  const hold = new TagHold({ holdMs: HOUR_MS, holdExcept: [] })
  expect(hold.endMs(sighting('waits', 1_000, 2_000))).toBe(1_000 + HOUR_MS)
  expect(hold.endMs(sighting('served', 1_000, 2_000, 1_500))).toBe(1_500)
})

describe('what a tag was served as', () => {
  const old = sighting('old', 10, 30, 10)
  const young = sighting('young', 31, 60, 50)
  const waits = sighting('waits', 61, 70)
  const history = [waits, young, old]

  it('last is what was let through last', () => {
    expect(lastServed(history)).toBe(young)
    expect(lastServed([waits])).toBeUndefined()
  })

  it.each([
    [9, undefined],
    [10, old],
    [30, old],
    [49, old],
    [50, young],
    [1_000, young],
  ])('at %i is as clients got it, not as upstream said', (atMs, expected) => {
    expect(servedAt(history, atMs)).toBe(expected)
  })

  it('while it went there and back is that which it went to', () => {
    const back = sighting('back', 10, 90, 10)
    const between = sighting('between', 40, 50, 40)
    expect(servedAt([back, between], 20)).toBe(back)
    expect(servedAt([back, between], 45)).toBe(between)
    expect(servedAt([back, between], 80)).toBe(back)
  })

  it('at a time is never what was served later, and something where anything was', () => {
    const times = fc.nat({ max: 50 })
    const sightings = fc
      .array(fc.tuple(times, times, fc.option(times, { nil: undefined })), { maxLength: 6 })
      .map((all) =>
        all.map(([first, length, wait], index) => {
          const served = wait === undefined ? undefined : first + wait
          return sighting(`${index}`, first, first + length, served)
        }),
      )
    fc.assert(
      fc.property(sightings, times, (all, atMs) => {
        const served = all.filter(({ servedSinceMs = Infinity }) => servedSinceMs <= atMs)
        const found = servedAt(all, atMs)
        if (served.length === 0) expect(found).toBeUndefined()
        else expect(served).toContain(found)
      }),
    )
  })
})
