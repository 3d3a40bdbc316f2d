import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { Secret } from '../../src/config/secret.ts'
import { caught } from '../support/caught.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function load(credentials: string, environment: NodeJS.ProcessEnv = {}) {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, `upstreams: { registry.corp: { credentials: ${credentials} } }`)
  const { config, effective } = await loadConfig({ file, environment })
  return { folder: folder.path, all: config.upstreams['registry.corp']?.credentials, effective }
}

describe('credentials of an upstream', () => {
  test('are a user with a password, a docker config, or a helper', async () => {
    const text =
      '[{ username: team, password: "${env:PASSWORD}" }, { dockerConfig: d.json }, { helper: gcr }]'
    const { folder, all, effective } = await load(text, { PASSWORD: 'hunter2' })
    const dockerConfig = join(folder, 'd.json')
    expect(all).toEqual([
      { username: 'team', password: expect.any(Secret) },
      { dockerConfig },
      { helper: 'gcr' },
    ])
    const [first] = all ?? []
    expect(first && 'password' in first && first.password.reveal()).toBe('hunter2')
    expect(effective['upstreams']).toMatchObject({
      'registry.corp': {
        credentials: [
          { username: 'team', password: '[secret]' },
          { dockerConfig },
          { helper: 'gcr' },
        ],
      },
    })
  })

  test('may come from variables', async () => {
    const variable = 'ENTREPOT_UPSTREAMS__REGISTRY_CORP__CREDENTIALS__0'
    const { all } = await load('[]', { [`${variable}__DOCKER_CONFIG`]: '/run/secrets/config.json' })
    expect(all).toEqual([{ dockerConfig: '/run/secrets/config.json' }])
  })

  test.each([
    ['[{}]', /credentials\.0: expected username with password, or dockerConfig, or helper$/],
    ['[{ helper: a, dockerConfig: b }]', /credentials\.0: expected username with password, or/],
    ['[{ username: a, password: b, helper: c }]', /credentials\.0: expected username with/],
    ['[{ username: a }]', /credentials\.0\.password: expected a text, /],
    ['[{ password: b }]', /credentials\.0\.username: expected a user name$/],
    ['[{ helper: a/b }]', /credentials\.0\.helper: expected the name of a helper without docker-/],
    ['[{ token: b }]', /credentials\.0\.token: unknown key$/m],
    [
      '[{ username: a, password: b }, { helper: c }, { username: a, password: d }]',
      /credentials\.2\.username: a is there twice$/,
    ],
  ])('%s is refused', async (text, message) => {
    expect(String(await caught(load(text)))).toMatch(message)
  })
})
