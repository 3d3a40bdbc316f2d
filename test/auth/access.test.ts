import { describe, expect, test } from 'vitest'
import { Access, type Action } from '../../src/auth/access.ts'
import { ANONYMOUS, type Principal } from '../../src/auth/principal.ts'

const CI: Principal = { kind: 'user', name: 'ci' }
const DEV: Principal = { kind: 'user', name: 'dev' }
const TEAM = { upstream: 'private', repository: 'team/app' }
const OTHER = { upstream: 'private', repository: 'other/app' }
const HUB = { upstream: 'docker.io', repository: 'library/alpine' }
const ACTIONS: Action[] = ['pull', 'push', 'delete', 'admin']

function actionsOf(access: Access, principal: Principal, target = TEAM): Action[] {
  return ACTIONS.filter((action) => access.allows(principal, action, target))
}

describe('what anonymous may', () => {
  const access = new Access({ anonymous: ['pull'], rules: [] })

  test('holds everywhere', () => {
    for (const target of [TEAM, HUB]) expect(actionsOf(access, ANONYMOUS, target)).toEqual(['pull'])
  })

  test('may everybody', () => {
    expect(actionsOf(access, CI)).toEqual(['pull'])
  })
})

describe('a rule', () => {
  const access = new Access({
    anonymous: [],
    rules: [
      { principals: ['ci'], repositories: ['private/team/**'], actions: ['pull', 'push'] },
      { principals: ['*'], repositories: ['docker.io/library/*'], actions: ['pull'] },
      { principals: ['anonymous'], repositories: ['private/team/public'], actions: ['pull'] },
      { principals: ['dev'], repositories: ['private/**'], actions: ['admin'] },
    ],
  })

  test('is for the users, and the repositories, that it names', () => {
    expect(actionsOf(access, CI)).toEqual(['pull', 'push'])
    expect(actionsOf(access, CI, OTHER)).toEqual([])
    expect(actionsOf(access, { kind: 'user', name: 'qa' })).toEqual([])
  })

  test('with * is for whoever has logged in', () => {
    expect(actionsOf(access, CI, HUB)).toEqual(['pull'])
    expect(actionsOf(access, ANONYMOUS, HUB)).toEqual([])
    expect(actionsOf(access, CI, { ...HUB, repository: 'library/a/b' })).toEqual([])
  })

  test('with anonymous is for everybody', () => {
    const target = { ...TEAM, repository: 'team/public' }
    expect(actionsOf(access, ANONYMOUS, target)).toEqual(['pull'])
    expect(actionsOf(access, { kind: 'user', name: 'qa' }, target)).toEqual(['pull'])
  })

  test('with admin gives all', () => {
    expect(actionsOf(access, DEV)).toEqual(ACTIONS)
  })

  test('for a user who is called anonymous is not for a user of that name elsewhere', () => {
    expect(actionsOf(access, { kind: 'user', name: '*' }, OTHER)).toEqual([])
  })
})
