import { describe, expect, test } from 'vitest'
import { explainConfig } from '../../src/config/explain.ts'
import { configJsonSchema, configKeys } from '../../src/config/keys.ts'
import { loadConfig } from '../../src/config/load.ts'

describe('every key', () => {
  test.each(configKeys().map((key) => [key.path.join('.'), key.schema] as const))(
    '%s says what it means',
    (_, { description }) => {
      expect(description).toMatch(/^[A-Z].*\.$/)
    },
  )

  test('is refused where it is not in the JSON Schema', () => {
    const open = JSON.stringify(configJsonSchema()).match(
      /"type":"object"(?!.*"additionalProperties")/,
    )
    expect(open).toBeNull()
  })
})

describe('an explanation', () => {
  const environment = {
    ENTREPOT_UPSTREAMS__GHCR_IO__TAGS__FRESH_FOR: '10m',
    ENTREPOT_UPSTREAMS__GHCR_IO__CREDENTIALS__0__USERNAME: 'team',
    ENTREPOT_UPSTREAMS__GHCR_IO__CREDENTIALS__0__PASSWORD: 'hunter2',
  }

  async function explain(key: string): Promise<unknown> {
    const explanations = explainConfig(await loadConfig({ environment }))
    return explanations.find((explanation) => explanation.key === key)
  }

  test('has meaning, type, default, variable, value and origin', async () => {
    expect(await explain('upstreams.ghcr.io.tags.freshFor')).toEqual({
      key: 'upstreams.ghcr.io.tags.freshFor',
      meaning: 'How long a tag is served without asking the upstream whether it has moved.',
      type: 'duration',
      default: '5m',
      variable: 'ENTREPOT_UPSTREAMS__GHCR_IO__TAGS__FRESH_FOR',
      value: '10m',
      origin: { source: 'env', variable: 'ENTREPOT_UPSTREAMS__GHCR_IO__TAGS__FRESH_FOR' },
    })
  })

  test('exists of what is not set', async () => {
    expect(await explain('upstreams.docker.io.credentials.0.username')).toMatchObject({
      value: undefined,
      origin: { source: 'default' },
    })
  })

  test('hides secrets', async () => {
    expect(await explain('upstreams.ghcr.io.credentials.0.password')).toMatchObject({
      type: 'secret',
      value: '[secret]',
    })
  })
})
