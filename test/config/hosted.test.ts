import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test.each([
  ['private', '{ enabled: true, prefix: private }'],
  ['private/team', '{ enabled: true }'],
  ['private', '{ enabled: true, prefix: private/team }'],
])('an upstream under %s is refused where images are pushed to', async (prefix, hosted) => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, `upstreams: { ghcr.io: { prefix: ${prefix} } }\nhosted: ${hosted}`)
  await expect(loadConfig({ environment: {}, file })).rejects.toThrow(
    /m\.yml:1:\d+: upstreams\.ghcr\.io: private\S* is where images are pushed to/,
  )
})

test('a pattern of tags that nothing can match is refused with its place', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, 'hosted:\n  immutable: ["v*", "team/app:release-*", "Team:v*"]\n')
  await expect(loadConfig({ environment: {}, file })).rejects.toThrow(
    /m\.yml:2:\d+: hosted\.immutable\.2: expected a pattern of tags/,
  )
})

test.each([
  ['{ repositories: [team], keepTags: [v*] }', /retention\.0: expected keepNewest, delete/],
  ['{ repositories: [], keepNewest: 1 }', /retention\.0\.repositories: expected at least one/],
  ['{ repositories: ["team:v1"], keepNewest: 1 }', /repositories\.0: expected a pattern without/],
  ['{ repositories: [team], keepNewest: -1 }', /keepNewest: expected a number of tags/],
  ['{ repositories: [team], keepNewest: 1, keepTags: ["a:v*"] }', /keepTags\.0: expected a/],
])('a rule of retention that says %s is refused with its place', async (rule, message) => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, `hosted:\n  retention:\n    - ${rule}\n`)
  const loading = loadConfig({ environment: {}, file })
  await expect(loading).rejects.toThrow(message)
  await expect(loading).rejects.toThrow(/m\.yml:3:\d+/)
})

test('an upstream may have the prefix while nothing can be pushed', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, 'upstreams: { ghcr.io: { prefix: private } }')
  const { config } = await loadConfig({ environment: {}, file })
  expect(config.upstreams['ghcr.io']?.prefix).toBe('private')
})
