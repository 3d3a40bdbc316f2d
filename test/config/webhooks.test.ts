import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function load(webhooks: string, environment: Record<string, string> = {}) {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, `webhooks:\n${webhooks}`)
  return (await loadConfig({ environment, file })).config.webhooks
}

test('a webhook needs a name and an address', async () => {
  expect(await load('  - { name: ci, url: "https://ci.example.com/hook?a=b" }')).toEqual([
    {
      name: 'ci',
      url: new URL('https://ci.example.com/hook?a=b'),
      actions: ['push', 'mount', 'delete'],
      repositories: ['**'],
      headers: [],
      timeoutMs: 5_000,
      pauseMs: 1_000,
      maxPauseMs: 300_000,
      maxEvents: 10_000,
    },
  ])
})

test('its secrets are read from the environment, and not printed', async () => {
  const headers = '[{ name: Authorization, value: "${env:TOKEN}" }]'
  const yaml = `  - { name: ci, url: "http://ci/", secret: "\${env:KEY}", headers: ${headers} }`
  const [webhook] = await load(yaml, { TOKEN: 'hush', KEY: 'mum' })
  expect(webhook?.secret?.reveal()).toBe('mum')
  expect(webhook?.headers[0]?.value.reveal()).toBe('hush')
  expect(JSON.stringify(webhook)).not.toMatch(/hush|mum/)
})

test.each([
  ['url: "ftp://ci/"', 'url: expected an http or https URL'],
  ['url: "http://me:hush@ci/"', 'url: credentials do not belong in the URL: see headers'],
  ['url: "http://ci/", actions: []', 'actions: expected at least one action'],
  ['url: "http://ci/", actions: [pull, poll]', 'actions.1: expected'],
  ['url: "http://ci/", repositories: [private]', 'repositories.0: expected a pattern such as'],
  [
    'url: "http://ci/", headers: [{ name: "A B", value: x }]',
    'name: expected the name of a header',
  ],
  [
    'url: "http://ci/", headers: [{ name: content-type, value: x }]',
    'headers.0.name: is set by the mirror',
  ],
  [
    'url: "http://ci/", headers: [{ name: A, value: "a\\nb" }]',
    'headers.0.value: has characters that no header may have',
  ],
  ['url: "http://ci/", timeout: 0s', 'timeout: expected more than 0'],
  ['url: "http://ci/", queue: 0', 'queue: expected at least 1'],
])('%s is wrong', async (keys, message) => {
  await expect(load(`  - { name: ci, ${keys} }`)).rejects.toThrow(message)
})

test('two of the same name are wrong', async () => {
  const webhook = '  - { name: ci, url: "http://ci/" }\n'
  await expect(load(webhook + webhook)).rejects.toThrow(
    /m\.yml:3:\d+: webhooks\.1\.name: there is a webhook ci already/,
  )
})
