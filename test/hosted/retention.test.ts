import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Retention, type DatedTag, type RetentionRule } from '../../src/hosted/retention.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { Repository, Tag } from '../../src/oci/reference.ts'

const NOW_MS = 1_000_000
const app = 'team/app' as Repository
const digest = digestOf(Buffer.from('manifest'))

function tagged(tag: string, pushedAtMs: number, usedAtMs = 0): DatedTag {
  return { tag: tag as Tag, digest, pushedAtMs, usedAtMs }
}

const rule = (facts: Partial<RetentionRule>): RetentionRule => ({
  repositories: ['**'],
  keepNewest: undefined,
  keepTags: [],
  unusedAfterMs: undefined,
  ...facts,
})

const expired = (rules: RetentionRule[], tags: DatedTag[], repository = app) =>
  new Retention(rules).expired(repository, tags, NOW_MS).map(({ tag }) => tag)

const tags = [tagged('a', 1), tagged('b', 3), tagged('v1', 4), tagged('c', 2, NOW_MS - 5)]

describe('a retention rule', () => {
  test.each([
    ['keeps the newest', { keepNewest: 2 }, ['a', 'c']],
    ['keeps none', { keepNewest: 0 }, ['a', 'b', 'v1', 'c']],
    [
      'keeps those of a pattern, which do not count',
      { keepNewest: 1, keepTags: ['v*'] },
      ['a', 'c'],
    ],
    ['keeps what was pulled', { unusedAfterMs: 10 }, ['a', 'b', 'v1']],
    ['keeps what is new or was pulled', { keepNewest: 1, unusedAfterMs: 10 }, ['a', 'b']],
    ['keeps what was pushed', { unusedAfterMs: NOW_MS - 2 }, ['a']],
  ])('%s', (_, facts, gone) => {
    expect(expired([rule(facts)], tags)).toEqual(gone)
  })

  test('is about the repositories that it names alone', () => {
    const rules = [rule({ repositories: ['other', 'team/*/x'], keepNewest: 0 })]
    expect(expired(rules, tags)).toEqual([])
    expect(expired(rules, tags, 'team/app/x' as Repository)).toHaveLength(4)
  })

  test('deletes nothing that another keeps', () => {
    const rules = [rule({ keepNewest: 1 }), rule({ keepTags: ['a'], keepNewest: 0 })]
    expect(expired(rules, tags)).toEqual(['b', 'c'])
  })

  test('says why', () => {
    const retention = new Retention([
      rule({ keepNewest: 1, unusedAfterMs: 60_000 }),
      rule({ keepNewest: 0 }),
    ])
    expect(retention.expired(app, tags, NOW_MS)[0]).toEqual({
      ...tags[0],
      reason: 'not among the newest 1, unused for 1m; not among the newest 0',
    })
  })
})

const someTags = fc.uniqueArray(
  fc.record({
    tag: fc.constantFrom('a', 'b', 'c', 'v1', 'v2', 'v3'),
    pushedAtMs: fc.nat({ max: 5 }),
    usedAtMs: fc.nat({ max: 5 }),
  }),
  { selector: ({ tag }) => tag },
)
const someRules = fc.array(
  fc.record({
    repositories: fc.constantFrom(['**'], ['team/*'], ['other']),
    keepNewest: fc.option(fc.nat({ max: 4 }), { nil: undefined }),
    keepTags: fc.constantFrom([], ['v*'], ['a', 'v1']),
    unusedAfterMs: fc.option(fc.nat({ max: 6 }), { nil: undefined }),
  }),
  { maxLength: 3 },
)

test('whatever the rules, one more about the same repositories never deletes more', () => {
  fc.assert(
    fc.property(someTags, someRules, someRules, (facts, rules, more) => {
      const all = facts.map((fact) => ({ ...fact, tag: fact.tag as Tag, digest }))
      const alone = new Retention(rules).expired(app, all, 5).map(({ tag }) => tag)
      const together = new Retention([...rules, ...more]).expired(app, all, 5)
      const isAbout = rules.some(({ repositories }) => repositories[0] !== 'other')
      if (isAbout) expect(alone).toEqual(expect.arrayContaining(together.map(({ tag }) => tag)))
      else expect(alone).toEqual([])
    }),
  )
})

test('whatever the rules, the newest are there as long as one keeps so many', () => {
  fc.assert(
    fc.property(someTags, fc.nat({ max: 6 }), (facts, keepNewest) => {
      const all = facts.map((fact) => ({ ...fact, tag: fact.tag as Tag, digest }))
      const gone = new Retention([rule({ keepNewest })]).expired(app, all, 5)
      expect(gone).toHaveLength(Math.max(0, all.length - keepNewest))
      const kept = all.filter(({ tag }) => !gone.some((one) => one.tag === tag))
      for (const { pushedAtMs } of gone) {
        expect(kept.every((one) => one.pushedAtMs >= pushedAtMs)).toBe(true)
      }
    }),
  )
})
