import { describe, expect, test } from 'vitest'
import { readEnvironment, variableOf } from '../../src/config/environment.ts'
import { configKeys } from '../../src/config/keys.ts'

function pathsOf(variable: string, upstreams: string[]): unknown {
  return readEnvironment({ [variable]: 'x' }, upstreams).overrides.map(({ path }) => path[1])
}

function valueOf(variable: string, text: string): unknown {
  return readEnvironment({ [variable]: text }, []).overrides[0]?.value
}

function messageOf(variable: string, text = 'x'): string | undefined {
  return readEnvironment({ [variable]: text }, ['docker.io']).unknown[0]?.message
}

describe('the variable of a key', () => {
  test.each([
    ['ENTREPOT_LISTEN__PORT', ['listen', 'port']],
    [
      'ENTREPOT_UPSTREAMS__DOCKER_IO__TAGS__FRESH_FOR',
      ['upstreams', 'docker.io', 'tags', 'freshFor'],
    ],
    ['ENTREPOT_UPSTREAMS__MY_HUB_5000__URL', ['upstreams', 'my-hub:5000', 'url']],
    [
      'ENTREPOT_UPSTREAMS__GHCR_IO__CREDENTIALS__0__PASSWORD',
      ['upstreams', 'ghcr.io', 'credentials', '0', 'password'],
    ],
  ])('is %s', (variable, path) => {
    expect(variableOf(path)).toBe(variable)
  })

  test('sets that key, for every key', () => {
    for (const { path } of configKeys()) {
      const concrete = path.map((key) => (key === 'NAME' ? 'my-hub:5000' : key))
      const variable = variableOf(concrete)
      const { overrides, unknown } = readEnvironment({ [variable]: 'x' }, ['my-hub:5000'])
      expect(overrides).toEqual([{ variable, path: concrete, value: 'x' }])
      expect(unknown).toEqual([])
    }
  })
})

describe('the name of an upstream', () => {
  test('is one that is configured, where it can be', () => {
    expect(pathsOf('ENTREPOT_UPSTREAMS__MY_HUB_5000__URL', ['my-hub:5000'])).toEqual([
      'my-hub:5000',
    ])
  })

  test('is new otherwise, with dots', () => {
    expect(pathsOf('ENTREPOT_UPSTREAMS__QUAY_IO__URL', ['docker.io'])).toEqual(['quay.io'])
  })
})

describe('values', () => {
  test('are what the key takes', () => {
    expect(valueOf('ENTREPOT_LISTEN__PORT', '80')).toBe(80)
    expect(valueOf('ENTREPOT_LISTEN__HOST', '80')).toBe('80')
    expect(valueOf('ENTREPOT_UPSTREAMS__A_B__DEFAULT', 'true')).toBe(true)
    expect(valueOf('ENTREPOT_UPSTREAMS__A_B__DEFAULT', 'false')).toBe(false)
  })

  test('that do not fit stay texts, for the schema to refuse', () => {
    expect(valueOf('ENTREPOT_LISTEN__PORT', '0x50')).toBe('0x50')
    expect(valueOf('ENTREPOT_UPSTREAMS__A_B__DEFAULT', 'yes')).toBe('yes')
  })

  test('that are empty count as not set', () => {
    expect(readEnvironment({ ENTREPOT_LISTEN__PORT: '', ENTREPOT_NONSENSE: '' }, [])).toEqual({
      overrides: [],
      unknown: [],
    })
  })
})

describe('variables that set nothing', () => {
  test.each([
    ['ENTREPOT_LISTN__PORT', 'unknown variable; did you mean ENTREPOT_LISTEN__PORT?'],
    ['ENTREPOT_LISTEN_PORT', 'unknown variable; did you mean ENTREPOT_LISTEN__PORT?'],
    ['ENTREPOT_CONFG', 'unknown variable; did you mean ENTREPOT_CONFIG?'],
    [
      'ENTREPOT_UPSTREAMS__DOCKER_IO__TAGS__FRESHFOR',
      'unknown variable; did you mean ENTREPOT_UPSTREAMS__DOCKER_IO__TAGS__FRESH_FOR?',
    ],
    ['ENTREPOT_LISTEN', 'unknown variable'],
    ['ENTREPOT_LISTEN__PORT__X', expect.stringContaining('unknown variable')],
    ['ENTREPOT_UPSTREAMS__docker.io__URL', expect.stringContaining('unknown variable')],
    ['ENTREPOT_UPSTREAMS__DOCKER_IO__CREDENTIALS__X__USERNAME', expect.stringContaining('unknown')],
    ['ENTREPOT_SOMETHING_ELSE', 'unknown variable'],
  ])('%s is told', (variable, message) => {
    expect(messageOf(variable)).toEqual(message)
  })

  test('of other programs are none of ours', () => {
    expect(messageOf('PATH')).toBeUndefined()
    expect(messageOf('entrepot_listen__port')).toBeUndefined()
  })

  test.each([
    ['ENTREPOT_SERVICE_HOST', '10.0.0.1'],
    ['ENTREPOT_SERVICE_PORT', '5000'],
    ['ENTREPOT_SERVICE_PORT_REGISTRY', '5000'],
    ['ENTREPOT_PORT', 'tcp://10.0.0.1:5000'],
    ['ENTREPOT_PORT_5000_TCP', 'tcp://10.0.0.1:5000'],
    ['ENTREPOT_PORT_5000_TCP_ADDR', '10.0.0.1'],
    ['ENTREPOT_MIRROR_SERVICE_HOST', '10.0.0.1'],
  ])('are passed over where Kubernetes sets them: %s', (variable, text) => {
    expect(messageOf(variable, text)).toBeUndefined()
  })

  test('are told where they only look like those of Kubernetes', () => {
    expect(messageOf('ENTREPOT_PORT', '5001')).toContain('unknown variable')
  })
})
