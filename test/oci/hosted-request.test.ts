import { assert, constantFrom, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { parseHostedRequest } from '../../src/oci/hosted-request.ts'
import { RegistryError } from '../../src/oci/registry-error.ts'

const DIGEST = digestOf(Buffer.from('layer'))

function codeOf(method: string, url: string): string | undefined {
  try {
    parseHostedRequest(method, url)
    return undefined
  } catch (error) {
    if (error instanceof RegistryError) return error.code
    throw error
  }
}

describe('a push', () => {
  test('begins an upload', () => {
    for (const url of ['/v2/private/app/blobs/uploads/', '/v2/private/app/blobs/uploads']) {
      expect(parseHostedRequest('POST', url)).toEqual({
        kind: 'start-upload',
        repository: 'private/app',
        ns: undefined,
        digest: undefined,
        mount: undefined,
      })
    }
  })

  test('begins with what another repository has', () => {
    const url = `/v2/private/app/blobs/uploads/?mount=${DIGEST}&from=private%2Fbase`
    expect(parseHostedRequest('POST', url)).toMatchObject({
      kind: 'start-upload',
      mount: { digest: DIGEST, from: 'private/base' },
    })
  })

  test('is a whole blob in one request', () => {
    const url = `/v2/private/app/blobs/uploads/?digest=${encodeURIComponent(DIGEST)}`
    expect(parseHostedRequest('POST', url)).toMatchObject({ kind: 'start-upload', digest: DIGEST })
  })

  test.each([
    ['GET', 'upload-status'],
    ['PATCH', 'append-upload'],
    ['DELETE', 'cancel-upload'],
  ])('goes on with %s', (method, kind) => {
    const url = '/v2/private/app/blobs/uploads/5f0c-1'
    expect(parseHostedRequest(method, url)).toMatchObject({
      kind,
      repository: 'private/app',
      id: '5f0c-1',
    })
  })

  test('ends with the digest', () => {
    const url = `/v2/private/app/blobs/uploads/5f0c?digest=${DIGEST}`
    expect(parseHostedRequest('PUT', url)).toMatchObject({ kind: 'finish-upload', digest: DIGEST })
  })

  test('is a manifest, with further tags', () => {
    const url = `/v2/private/app/manifests/${DIGEST}?tag=1&tag=1.2`
    expect(parseHostedRequest('PUT', url)).toMatchObject({
      kind: 'put-manifest',
      reference: { kind: 'digest', digest: DIGEST },
      tags: ['1', '1.2'],
    })
  })

  test('is undone', () => {
    expect(parseHostedRequest('DELETE', '/v2/private/app/manifests/1')).toMatchObject({
      kind: 'delete-manifest',
      reference: { kind: 'tag', tag: '1' },
    })
    expect(parseHostedRequest('DELETE', `/v2/private/app/blobs/${DIGEST}`)).toMatchObject({
      kind: 'delete-blob',
      digest: DIGEST,
    })
  })
})

test('the catalog comes in pages', () => {
  expect(parseHostedRequest('GET', '/v2/_catalog?n=2&last=private/a')).toEqual({
    kind: 'catalog',
    page: { limit: 2, after: 'private/a' },
  })
})

test.each([
  '/v2/',
  '/v2/private/app/manifests/1',
  `/v2/private/app/blobs/${DIGEST}`,
  '/v2/private/app/tags/list',
])('GET %s is a pull', (url) => {
  expect(parseHostedRequest('GET', url)).toBeUndefined()
  expect(parseHostedRequest('HEAD', url)).toBeUndefined()
})

test.each([
  ['PUT', '/v2/private/app/blobs/uploads/5f0c', 'DIGEST_INVALID'],
  ['PUT', '/v2/private/app/blobs/uploads/5f0c?digest=sha256:1', 'DIGEST_INVALID'],
  ['POST', '/v2/private/app/blobs/uploads/?mount=latest', 'DIGEST_INVALID'],
  ['POST', `/v2/private/app/blobs/uploads/?mount=${DIGEST}&from=../etc`, 'NAME_INVALID'],
  ['PUT', '/v2/private/../app/manifests/1', 'NAME_INVALID'],
  ['PUT', '/v2/private/app/manifests/.hidden', 'TAG_INVALID'],
  ['PUT', `/v2/private/app/manifests/${DIGEST}?tag=-1`, 'TAG_INVALID'],
  ['DELETE', '/v2/private/app/blobs/latest', 'DIGEST_INVALID'],
  ['POST', '/v2/', 'UNSUPPORTED'],
  ['POST', '/v2/../manifests/1', 'NAME_INVALID'],
])('%s %s: %s', (method, url, code) => {
  expect(codeOf(method, url)).toBe(code)
})

test.each([
  ['POST', 'manifests/1', 'GET, HEAD, PUT, DELETE'],
  ['PUT', `blobs/${DIGEST}`, 'GET, HEAD, DELETE'],
  ['PUT', 'blobs/uploads/', 'POST'],
  ['POST', 'blobs/uploads/5f0c', 'GET, HEAD, PATCH, PUT, DELETE'],
])('%s of %s is of no registry, which takes %s', (method, path, allowed) => {
  expect(parseHostedRequest(method, `/v2/private/app/${path}`)).toEqual({
    kind: 'unsupported',
    repository: 'private/app',
    ns: undefined,
    allow: allowed.split(', '),
  })
})

test('any path is read or refused', () => {
  const methods = constantFrom('GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE')
  const ends = constantFrom('/blobs/uploads/', '/blobs/uploads/x?digest=', '/manifests/', '/blobs/')
  assert(
    property(methods, string(), ends, string(), (method, name, middle, end) => {
      codeOf(method, `/v2/${name}${middle}${end}`)
    }),
  )
})
