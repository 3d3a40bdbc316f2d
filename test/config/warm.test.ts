import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { assert, property, stringMatching } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { imageName } from '../../src/config/fields.ts'
import { loadConfig } from '../../src/config/load.ts'
import { parseImageName } from '../../src/policy/image-name.ts'
import { Routes } from '../../src/policy/routes.ts'
import { caught } from '../support/caught.ts'
import { MemorySource } from '../support/memory-source.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const UPSTREAMS = 'upstreams: { docker.io: {}, "r.example:5000": { prefix: team } }\n'

async function load(text: string) {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, UPSTREAMS + text)
  return (await loadConfig({ file, environment: {} })).config.warm
}

test('what is to be warmed is a list of images, each part of it with its schedule', async () => {
  const text = [
    'warm:',
    '  - images: [node, docker.io/library/node:22, r.example:5000/app, team/app:1]',
    '    platforms: [linux/amd64, linux/arm/v7]',
    '    every: 1h30m',
    `  - images: [docker.io/library/alpine:3@sha256:${'a'.repeat(64)}]`,
  ].join('\n')
  expect(await load(text)).toEqual([
    {
      images: ['node', 'docker.io/library/node:22', 'r.example:5000/app', 'team/app:1'],
      platforms: ['linux/amd64', 'linux/arm/v7'],
      everyMs: 5_400_000,
    },
    {
      images: [`docker.io/library/alpine:3@sha256:${'a'.repeat(64)}`],
      platforms: [],
      everyMs: 86_400_000,
    },
  ])
})

describe('what is wrong', () => {
  test.each([
    ['warm: {}', '2:1: warm: expected a list'],
    ['warm: [{}]', '2:8: warm.0.images: expected a list'],
    ['warm: [{ images: [] }]', '2:10: warm.0.images: expected at least one image'],
    [
      'warm: [{ images: [node, "Node:22"] }]',
      '2:25: warm.0.images.1: expected the name of an image such as node:22 or ghcr.io/owner/app@sha256:…',
    ],
    [
      'warm: [{ images: [node, quay.io/a/b] }]',
      '2:25: warm.0.images.1: quay.io is none of the upstreams',
    ],
    [
      'warm: [{ images: [node], platforms: [amd64] }]',
      '2:38: warm.0.platforms.0: expected a platform such as linux/amd64 or linux/arm/v7',
    ],
    ['warm: [{ images: [node], every: 0s }]', '2:26: warm.0.every: expected more than 0'],
    ['warm: [{ image: node }]', '2:10: warm.0.image: unknown key; did you mean images?'],
  ])('is told of %s', async (text, fault) => {
    const { message } = (await caught(load(text))) as Error
    expect(message.split('\n').map((line) => line.replace(/^\S*m\.yml:/, ''))).toContain(fault)
  })
})

test('what is taken for the name of an image is one', () => {
  const source = new MemorySource()
  const hub = { name: 'docker.io', prefix: 'docker.io', hosts: [], isDefault: true, source }
  const routes = new Routes([hub])
  const texts = stringMatching(/^[a-z0-9._:@/-]{1,30}$/)
  assert(
    property(texts, (text) => {
      if (imageName.safeParse(text).success) expect(parseImageName(text, routes)).toBeDefined()
    }),
    { numRuns: 2000 },
  )
})
