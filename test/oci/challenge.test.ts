import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseChallenges } from '../../src/oci/challenge.ts'

function read(header: string) {
  return parseChallenges(header).map(({ scheme, parameters }) => ({
    scheme,
    ...Object.fromEntries(parameters),
  }))
}

function quote(value: string): string {
  return `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

describe('parseChallenges', () => {
  it("reads Docker Hub's", () => {
    const header =
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull"'
    expect(read(header)).toEqual([
      {
        scheme: 'bearer',
        realm: 'https://auth.docker.io/token',
        service: 'registry.docker.io',
        scope: 'repository:library/alpine:pull',
      },
    ])
  })

  it('reads several in one header', () => {
    expect(read('Negotiate YWJj==, Basic realm="a, b", charset="UTF-8", Bearer realm="c"')).toEqual(
      [
        { scheme: 'negotiate' },
        { scheme: 'basic', realm: 'a, b', charset: 'UTF-8' },
        { scheme: 'bearer', realm: 'c' },
      ],
    )
  })

  it.each([
    ['odd spacing', ' ,, BEARER   Realm = "x" ,\tSERVICE= "y",, ', { realm: 'x', service: 'y' }],
    [
      'no quotes',
      'Bearer realm=https://a.example/token?x=1,service=y',
      { realm: 'https://a.example/token?x=1', service: 'y' },
    ],
    ['escapes', String.raw`Bearer realm="a\"b\\c"`, { realm: String.raw`a"b\c` }],
    ['a quote that is not closed', 'Bearer realm="x,y', { realm: 'x,y' }],
    ['a name given twice', 'Bearer realm="x",realm="y"', { realm: 'x' }],
    ['a scheme alone', 'Bearer', {}],
    ['an empty value', 'Bearer realm="",service=', { realm: '', service: '' }],
    ['garbage in between', 'Bearer realm="x", ;;; "?" , service="y"', { realm: 'x', service: 'y' }],
  ])('reads %s', (_, header, parameters) => {
    expect(read(header)).toEqual([{ scheme: 'bearer', ...parameters }])
  })

  it('finds none where there is none', () => {
    expect(read('')).toEqual([])
    expect(read(' , ')).toEqual([])
    expect(read('realm="x"')).toEqual([])
  })

  it('reads back what is written by the rules', () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
    const challenge = fc.record({
      scheme: token,
      parameters: fc.uniqueArray(fc.tuple(token, fc.string({ unit: 'binary-ascii' })), {
        selector: ([name]) => name,
        minLength: 1,
        maxLength: 4,
      }),
    })
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 3 }), (challenges) => {
        const header = challenges
          .map(({ scheme, parameters }) => {
            const list = parameters.map(([name, value]) => `${name}=${quote(value)}`)
            return `${scheme} ${list.join(', ')}`
          })
          .join(', ')
        const parsed = parseChallenges(header)
        expect(parsed.map(({ scheme }) => scheme)).toEqual(challenges.map(({ scheme }) => scheme))
        expect(parsed.map(({ parameters }) => [...parameters])).toEqual(
          challenges.map(({ parameters }) => parameters),
        )
      }),
    )
  })

  it('takes any text without throwing', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('"', '=', ',', ' ', '\\', 'a') }),
    )
    fc.assert(
      fc.property(text, (header) => {
        for (const { scheme } of parseChallenges(header)) expect(scheme).toMatch(/^\S+$/)
      }),
      { numRuns: 1000 },
    )
  })
})
