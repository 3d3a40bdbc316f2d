import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { caught } from '../support/caught.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function load(store: string, environment: Record<string, string> = {}) {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, `store: ${store}`)
  return await loadConfig({ file, environment })
}

test('a store in S3 says where its bucket is, and shows no secret', async () => {
  const text =
    '{ type: s3, bucket: images, prefix: a/b, endpoint: "http://minio:9000", accessKeyId: "${env:KEY}" }'
  const environment = { KEY: 'me', ENTREPOT_STORE__SECRET_ACCESS_KEY: 'hunter2' }
  const { config, effective } = await load(text, environment)
  expect(config.store).toMatchObject({ type: 's3', bucket: 'images', prefix: 'a/b' })
  expect(config.store.endpoint?.href).toBe('http://minio:9000/')
  expect(config.store.secretAccessKey?.reveal()).toBe('hunter2')
  expect(effective['store']).toMatchObject({
    endpoint: 'http://minio:9000',
    accessKeyId: '[secret]',
    secretAccessKey: '[secret]',
  })
})

test('a store in S3 has a read cache of the size that is said, or of 10 GiB, or none', async () => {
  for (const [text, maxBytes] of [
    ['{ type: s3, bucket: images, cache: { maxSize: 1GiB } }', 1024 ** 3],
    ['{ type: s3, bucket: images, cache: {} }', 10 * 1024 ** 3],
    ['{ type: s3, bucket: images }', undefined],
  ] as const) {
    expect((await load(text)).config.store.cache?.maxBytes).toBe(maxBytes)
  }
})

test.each([
  ['{ type: s3 }', 'store.bucket: an s3 store needs a bucket'],
  ['{ type: s3, bucket: A }', 'store.bucket: expected the name of a bucket'],
  ['{ type: s3, bucket: abc, prefix: /x }', 'store.prefix: expected letters'],
  ['{ type: s3, bucket: abc, endpoint: minio }', 'store.endpoint: expected an http or https URL'],
  ['{ type: s3, bucket: abc, accessKeyId: a }', 'store.accessKeyId: needs secretAccessKey'],
  ['{ type: s3, bucket: abc, secretAccessKey: a }', 'store.secretAccessKey: needs accessKeyId'],
  [
    '{ type: s3, bucket: abc, cache: { maxSize: 0B } }',
    'store.cache.maxSize: expected more than 0',
  ],
  [
    '{ type: s3, bucket: abc, redirectExcept: { repositories: [a] } }',
    'store.redirectExcept.repositories.0: expected a pattern such as',
  ],
  ['{ cache: {} }', 'store.cache: is for a store of the type s3'],
  ['{ bucket: abc }', 'store.bucket: is for a store of the type s3'],
])('%s is refused', async (text, fault) => {
  const error = (await caught(load(text))) as Error
  expect(error.message).toMatch(/m\.yml:1:\d+: /)
  expect(error.message).toContain(fault)
})
