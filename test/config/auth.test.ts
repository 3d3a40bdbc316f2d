import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { caught } from '../support/caught.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function load(text: string) {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, text)
  return (await loadConfig({ file, environment: {} })).config
}

async function faultOf(text: string): Promise<string> {
  const error = (await caught(load(text))) as Error
  return error.message.replaceAll(/^.*?(?=m\.yml:)/gm, '')
}

test('without anything everybody may pull, and who has logged in push and delete', async () => {
  expect((await load('')).auth).toEqual({
    anonymous: ['pull'],
    rules: [{ principals: ['*'], repositories: ['**'], actions: ['pull', 'push', 'delete'] }],
  })
})

test('the file of passwords is found from where the configuration is', async () => {
  const { auth } = await load('auth: { htpasswd: users }')
  expect(auth.htpasswd).toMatch(/^\/.*\/users$/)
})

test.each([
  ['anonymous: [pull, push]'],
  ['htpasswd: users'],
  ['rules: [{ principals: [anonymous], repositories: [private/open/**], actions: [push] }]'],
  ['anonymous: [admin]'],
])('something is hosted where somebody may push: %s', async (auth) => {
  const { hosted } = await load(`hosted: { enabled: true }\nauth: { ${auth} }`)
  expect(hosted.enabled).toBe(true)
})

test.each([
  ['auth: {}'],
  ['auth: { htpasswd: users, rules: [] }'],
  ['auth: { rules: [{ principals: ["*"], repositories: ["**"], actions: [push] }] }'],
])('nothing is hosted where nobody may push: %s', async (auth) => {
  expect(await faultOf(`hosted: { enabled: true }\n${auth}`)).toMatch(
    /^m\.yml:1:11: hosted\.enabled: nobody may push: set auth\.htpasswd, or auth\.anonymous/,
  )
})

test.each([
  [
    'auth: { anonymous: [write] }',
    'm.yml:1:21: auth.anonymous.0: expected pull, push, delete, or admin',
  ],
  [
    'auth: { rules: [{ principals: [ci], repositories: ["**"], actions: [pull] }] }',
    'm.yml:1:19: auth.rules.0.principals: nobody can log in: set auth.htpasswd',
  ],
  [
    'auth: { htpasswd: f, rules: [{ principals: ["a:b"], repositories: ["**"], actions: [pull] }] }',
    'm.yml:1:45: auth.rules.0.principals.0: expected a user, * or anonymous',
  ],
  [
    'auth: { htpasswd: f, rules: [{ principals: [ci], repositories: [team/app], actions: [pull] }] }',
    'm.yml:1:65: auth.rules.0.repositories.0: begins with no registry, as docker.io/library/* and private/** do',
  ],
  [
    'auth: { htpasswd: f, rules: [{ principals: [], repositories: ["private/a:1"], actions: [] }] }',
    'm.yml:1:32: auth.rules.0.principals: expected at least one user\n' +
      'm.yml:1:63: auth.rules.0.repositories.0: expected a pattern such as private/team/**, docker.io/library/* or **\n' +
      'm.yml:1:79: auth.rules.0.actions: expected at least one action',
  ],
])('%s is refused with its place', async (text, message) => {
  expect(await faultOf(text)).toBe(message)
})
