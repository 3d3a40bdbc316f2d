import {
  assert,
  constantFrom,
  nat,
  oneof,
  pre,
  property,
  string,
  stringMatching,
  webPath,
} from 'fast-check'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { parseRepository, targetOf } from '../../src/oci/reference.ts'
import { RegistryError, type ErrorCode } from '../../src/oci/registry-error.ts'
import {
  parseRegistryPath,
  parseRegistryRequest,
  type RegistryRequest,
} from '../../src/oci/registry-request.ts'

const DIGEST = digestOf(Buffer.from('entrepot'))

function codeOf(method: string, url: string): ErrorCode | undefined {
  try {
    parseRegistryRequest(method, url)
    return undefined
  } catch (error) {
    if (error instanceof RegistryError) return error.code
    throw error
  }
}

describe('what is asked for', () => {
  test.each(['/v2', '/v2/', '/v2/?ns=docker.io'])('%s is a ping', (url) => {
    expect(parseRegistryRequest('GET', url)).toEqual({ kind: 'ping' })
  })

  test('a manifest by tag', () => {
    expect(parseRegistryRequest('GET', '/v2/library/alpine/manifests/3.20')).toEqual({
      kind: 'manifest',
      isHead: false,
      repository: 'library/alpine',
      ns: undefined,
      reference: { kind: 'tag', repository: 'library/alpine', tag: '3.20' },
    })
  })

  test('a manifest by digest, with the registry that is meant', () => {
    expect(parseRegistryRequest('HEAD', `/v2/a/manifests/${DIGEST}?ns=ghcr.io`)).toEqual({
      kind: 'manifest',
      isHead: true,
      repository: 'a',
      ns: 'ghcr.io',
      reference: { kind: 'digest', repository: 'a', digest: DIGEST },
    })
  })

  test('a blob', () => {
    expect(parseRegistryRequest('GET', `/v2/docker.io/library/alpine/blobs/${DIGEST}`)).toEqual({
      kind: 'blob',
      isHead: false,
      repository: 'docker.io/library/alpine',
      ns: undefined,
      digest: DIGEST,
    })
  })

  test.each([
    ['', {}],
    ['?n=10', { limit: 10 }],
    ['?last=3.19&n=0', { limit: 0, after: '3.19' }],
    ['?last=', {}],
    ['?last=a%2Eb', { after: 'a.b' }],
  ])('tags, with page %j', (query, page) => {
    expect(parseRegistryRequest('GET', `/v2/a/b/tags/list${query}`)).toEqual({
      kind: 'tags',
      repository: 'a/b',
      ns: undefined,
      page,
    })
  })

  test.each([
    ['', {}],
    ['&artifactType=', {}],
    [
      '&artifactType=application/vnd.in-toto+json',
      { artifactType: 'application/vnd.in-toto+json' },
    ],
    ['&artifactType=application%2Fx%2By', { artifactType: 'application/x+y' }],
    ['&artifactType=a/b&artifactType=c/d', { artifactType: 'a/b' }],
  ])('referrers, with filter %j', (query, filter) => {
    expect(parseRegistryRequest('GET', `/v2/a/b/referrers/${DIGEST}?ns=ghcr.io${query}`)).toEqual({
      kind: 'referrers',
      repository: 'a/b',
      ns: 'ghcr.io',
      digest: DIGEST,
      filter,
    })
  })

  test('words of the API may be parts of names', () => {
    expect(parseRegistryRequest('GET', '/v2/manifests/blobs/tags/manifests/list')).toMatchObject({
      repository: 'manifests/blobs/tags',
      reference: { tag: 'list' },
    })
    expect(parseRegistryRequest('GET', '/v2/x/manifests/tags/list')).toMatchObject({
      kind: 'tags',
      repository: 'x/manifests',
    })
  })

  test('an escaped colon in a digest is a colon', () => {
    const url = `/v2/a/blobs/${encodeURIComponent(DIGEST)}`
    expect(parseRegistryRequest('GET', url)).toMatchObject({ digest: DIGEST })
  })
})

describe('what is refused', () => {
  test.each<[string, ErrorCode]>([
    ['/v2/Alpine/manifests/3', 'NAME_INVALID'],
    ['/v2//manifests/3', 'NAME_INVALID'],
    ['/v2/manifests/3', 'NAME_INVALID'],
    ['/v2/tags/list', 'NAME_INVALID'],
    ['/v2/a/../b/manifests/3', 'NAME_INVALID'],
    ['/v2/a/%2e%2e/b/manifests/3', 'NAME_INVALID'],
    ['/v2/a%2fb/manifests/3', 'NAME_INVALID'],
    [`/v2/${'a'.repeat(256)}/manifests/3`, 'NAME_INVALID'],
    ['/v2/a/manifests/', 'TAG_INVALID'],
    ['/v2/a/manifests/..', 'TAG_INVALID'],
    ['/v2/a/manifests/%2e%2e', 'TAG_INVALID'],
    ['/v2/a/manifests/%2e%2e%2fb', 'TAG_INVALID'],
    ['/v2/a/manifests/%zz', 'TAG_INVALID'],
    ['/v2/a/manifests/%00', 'TAG_INVALID'],
    ['/v2/a/manifests/sha256:1', 'DIGEST_INVALID'],
    ['/v2/a/manifests/md5:d41d8cd98f00b204e9800998ecf8427e', 'DIGEST_INVALID'],
    ['/v2/a/blobs/latest', 'DIGEST_INVALID'],
    [`/v2/a/blobs/${DIGEST.toUpperCase()}`, 'DIGEST_INVALID'],
    ['/v2/a/tags/list?n=-1', 'PAGINATION_NUMBER_INVALID'],
    ['/v2/a/tags/list?n=', 'PAGINATION_NUMBER_INVALID'],
    ['/v2/a/tags/list?n=1e3', 'PAGINATION_NUMBER_INVALID'],
    ['/v2/a/tags/list?last=..%2fb', 'TAG_INVALID'],
    ['/v2/a/tags/list?last=a%0d%0ab', 'TAG_INVALID'],
    ['/v2/a/tags/list/', 'NAME_UNKNOWN'],
    ['/v2/_catalog', 'NAME_UNKNOWN'],
    ['/v2/a/referrers/latest', 'DIGEST_INVALID'],
    ['/v2/a/referrers/', 'DIGEST_INVALID'],
    [`/v2/referrers/${DIGEST}`, 'NAME_INVALID'],
    [`/v2/a/referrers/${DIGEST}/`, 'NAME_UNKNOWN'],
    [`/v2/a/referrers/${DIGEST}?artifactType=sbom`, 'ARTIFACT_TYPE_INVALID'],
    [`/v2/a/referrers/${DIGEST}?artifactType=a/b/c`, 'ARTIFACT_TYPE_INVALID'],
    [`/v2/a/referrers/${DIGEST}?artifactType=a/b%0d%0ac`, 'ARTIFACT_TYPE_INVALID'],
    [`/v2/a/referrers/${DIGEST}?artifactType=a/%zz`, 'ARTIFACT_TYPE_INVALID'],
    [`/v2/a/referrers/${DIGEST}?artifactType=a/${'b'.repeat(128)}`, 'ARTIFACT_TYPE_INVALID'],
    ['/v2/a/blobs/uploads/', 'NAME_UNKNOWN'],
  ])('GET %s: %s', (url, code) => {
    expect(codeOf('GET', url)).toBe(code)
  })
})

describe('the registry', () => {
  test.each([
    ['/v2', undefined, '/v2'],
    ['/v2/', undefined, '/v2/'],
    ['/v2?x', undefined, '/v2?x'],
    ['/v2/a/v2/b', undefined, '/v2/a/v2/b'],
    ['/ghcr.io/v2', 'ghcr.io', '/v2'],
    ['/ghcr.io/v2/a/b/manifests/1?ns=x', 'ghcr.io', '/v2/a/b/manifests/1?ns=x'],
    ['/team/r:5000/v2/v2/blobs/1', 'team/r:5000', '/v2/v2/blobs/1'],
  ])('has %s, in front of which is %s', (path, prefix, url) => {
    expect(parseRegistryPath(path)).toEqual({ prefix, url })
  })

  test.each(['', '/', '/v1/', '/v22', '/healthz', '/a/v22/b', '//v2x', '/a?b=/v2/', 'v2/'])(
    'has nothing of %j',
    (path) => {
      expect(parseRegistryPath(path)).toBeUndefined()
    },
  )
})

function ofType(artifactType: string): string {
  return `/v2/a/referrers/${DIGEST}?artifactType=${encodeURIComponent(artifactType)}`
}

/** What of a request names something in its repository. */
function targetsIn(request: Exclude<RegistryRequest, { kind: 'ping' }>): string[] {
  if (request.kind === 'manifest') return [targetOf(request.reference)]
  if (request.kind !== 'tags') return [request.digest]
  return request.page.after === undefined ? [] : [request.page.after]
}

describe('for any path', () => {
  const piece = constantFrom(
    '/',
    'manifests',
    'blobs',
    'tags/list',
    'referrers',
    '?artifactType=',
    'a',
    '..',
    '%2e',
    '%2f',
    '%00',
    '%0d%0a',
    '\\',
    '\0',
    '%',
    '?n=',
    '?last=',
    '&ns=',
    DIGEST,
  )
  const path = oneof(
    webPath(),
    string(),
    nat(8).chain((length) => string({ unit: piece, minLength: length })),
  )

  test('it is read, or refused with a code of the registry', () => {
    assert(
      property(constantFrom('GET', 'HEAD', 'PUT', 'BREW'), path, (method, rest) => {
        codeOf(method, `/v2/${rest}`)
      }),
      { numRuns: 1000 },
    )
  })

  test('what is read holds no way out of a folder', () => {
    assert(
      property(path, (rest) => {
        const url = `/v2/${rest}`
        if (codeOf('GET', url) !== undefined) return
        const request = parseRegistryRequest('GET', url)
        if (request.kind === 'ping') return
        expect(parseRepository(request.repository)).toBe(request.repository)
        expect(request.repository.split('/')).not.toContain('..')
        for (const target of targetsIn(request)) {
          expect(target).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._:-]*$/)
        }
        if (request.kind !== 'referrers') return
        expect(request.filter.artifactType ?? 'a/b').toMatch(/^[!-~]+\/[!-~]+$/)
      }),
      { numRuns: 1000 },
    )
  })

  test('a media type is read as it was escaped, and nothing else is one', () => {
    const name = stringMatching(/^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,30}$/)
    assert(
      property(name, name, (type, subtype) => {
        const artifactType = `${type}/${subtype}`
        const request = parseRegistryRequest('GET', ofType(artifactType))
        expect(request).toMatchObject({ filter: { artifactType } })
      }),
    )
    assert(
      property(string({ unit: 'binary' }), (text) => {
        const isMediaType = /^[a-z0-9][\w!#$&^.+-]*\/[a-z0-9][\w!#$&^.+-]*$/i.test(text)
        pre(!isMediaType && text !== '')
        expect(codeOf('GET', ofType(text))).toBe('ARTIFACT_TYPE_INVALID')
      }),
    )
  })

  test('a well-formed path gives back its parts', () => {
    const name = stringMatching(/^[a-z0-9]{1,8}(\/[a-z0-9]{1,8}){0,3}$/)
    const tag = stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/)
    assert(
      property(name, tag, (repository, tagName) => {
        expect(
          parseRegistryRequest('GET', `/v2/${repository}/manifests/${tagName}?ns=docker.io`),
        ).toMatchObject({ repository, ns: 'docker.io', reference: { tag: tagName } })
        expect(
          parseRegistryRequest('GET', `/v2/${repository}/tags/list?last=${tagName}&n=7`),
        ).toMatchObject({ repository, page: { limit: 7, after: tagName } })
        expect(parseRegistryRequest('HEAD', `/v2/${repository}/blobs/${DIGEST}`)).toMatchObject({
          repository,
          digest: DIGEST,
        })
      }),
    )
  })

  test('what stands in front of the registry and what is of it make the path again', () => {
    assert(
      property(path, path, (before, after) => {
        const url = `/${before}/v2/${after}`
        const parsed = parseRegistryPath(url)
        if (!parsed) return
        const { prefix } = parsed
        expect(`${prefix === undefined ? '' : `/${prefix}`}${parsed.url}`).toBe(url)
        expect(prefix).not.toContain('?')
        expect(parsed.url).toMatch(/^\/v2(?:[/?]|$)/)
      }),
      { numRuns: 1000 },
    )
  })
})
