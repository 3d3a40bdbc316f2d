import { createHash } from 'node:crypto'
import { DeleteObjectsCommand } from '@aws-sdk/client-s3'
import type { S3Bucket } from './s3-bucket.ts'
import { s3Error } from './s3-error.ts'
import { StoreError } from './store-error.ts'

/** S3 takes no more in one request: Amazon S3 API reference, DeleteObjects. */
const MAX_KEYS = 1000

/** Deletes objects, many in a request. Returns what could not be deleted, by key. */
export async function deleteS3Objects(
  bucket: S3Bucket,
  keys: readonly string[],
): Promise<Map<string, StoreError>> {
  const failures = new Map<string, StoreError>()
  for (let first = 0; first < keys.length; first += MAX_KEYS) {
    const some = keys.slice(first, first + MAX_KEYS)
    try {
      const { Errors = [] } = await bucket.client.send(deletionOf(bucket.name, some))
      for (const { Key = '', Code = 'no code', Message = '' } of Errors) {
        if (Code === 'NoSuchKey') continue
        const message = `cannot remove ${Key}: S3 answered ${Code}: ${Message}`
        failures.set(Key, new StoreError('io', message))
      }
    } catch (cause) {
      for (const key of some) failures.set(key, s3Error(`remove ${key}`, cause))
    }
  }
  return failures
}

function deletionOf(Bucket: string, keys: readonly string[]): DeleteObjectsCommand {
  const Objects = keys.map((Key) => ({ Key }))
  const command = new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } })
  command.middlewareStack.add(
    (next) => (args) => {
      signByMd5(args.request as { headers: Record<string, string>; body: string })
      return next(args)
    },
    { step: 'build', name: 'contentMd5', priority: 'low' },
  )
  return command
}

/** This one request has to have a checksum; of those that AWS takes, all that speak S3 know MD5 alone. */
function signByMd5(request: { headers: Record<string, string>; body: string }): void {
  for (const name of Object.keys(request.headers)) {
    if (/^x-amz-(sdk-)?checksum-/i.test(name)) delete request.headers[name]
  }
  request.headers['content-md5'] = createHash('md5').update(request.body).digest('base64')
}
