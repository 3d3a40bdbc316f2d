import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRepository, parseTag } from '../../src/oci/reference.ts'
import { Rules } from '../../src/policy/rules.ts'

function refusal(allow: string[], deny: string[], repository: string, tag?: string) {
  const rules = new Rules('docker.io', { allow, deny })
  return rules.refusalOf(
    parseRepository(repository)!,
    tag === undefined ? undefined : parseTag(tag),
  )
}

describe('rules', () => {
  it.each<[string[], string[], string, string | undefined]>([
    [['**'], [], 'library/node', '22'],
    [['**'], [], 'library/node', undefined],
    [['library/*'], [], 'library/node', '22'],
    [['library/node:22*'], [], 'library/node', '22-slim'],
    [['team/**'], [], 'team/a/b', '1'],
    [['**'], ['library/node:1*'], 'library/node', '22'],
    // Nobody knows which tags a digest has.
    [['**'], ['library/node:1*'], 'library/node', undefined],
    [['library/node:22*'], [], 'library/node', undefined],
  ])('that allow %j and deny %j let %s:%s pass', (allow, deny, repository, tag) => {
    expect(refusal(allow, deny, repository, tag)).toBeUndefined()
  })

  it.each<[string[], string[], string, string | undefined, string]>([
    [['**'], ['library/node'], 'library/node', '22', 'deny: library/node'],
    [['**'], ['library/node'], 'library/node', undefined, 'deny: library/node'],
    [['**'], ['**/secret'], 'a/b/secret', '1', 'deny: **/secret'],
    [['**'], ['library/node:1*'], 'library/node', '18', 'deny: library/node:1*'],
    [['library/*'], [], 'library/a/b', '1', 'allow: library/*'],
    [['library/*', 'team/**'], [], 'other/app', '1', 'allow: library/*, team/**'],
    [['library/node:22*'], [], 'library/node', '18', 'allow: library/node:22*'],
    [[], [], 'library/node', '22', 'allow: nothing'],
  ])('that allow %j and deny %j refuse %s:%s', (allow, deny, repository, tag, rule) => {
    const name = `docker.io/${repository}${tag === undefined ? '' : `:${tag}`}`
    expect(refusal(allow, deny, repository, tag)).toBe(`${name} is denied here by the rule ${rule}`)
  })

  it('refuse what is denied, whatever is allowed', () => {
    const component = fc.stringMatching(/^[a-z0-9]{1,5}$/)
    const path = fc.array(component, { minLength: 1, maxLength: 3 }).map((all) => all.join('/'))
    fc.assert(
      fc.property(path, fc.array(path), component, (repository, allow, tag) => {
        expect(refusal([...allow, '**'], [repository], repository, tag)).toContain('deny')
        expect(refusal([repository], [], repository, tag)).toBeUndefined()
      }),
    )
  })
})
