import { join } from 'node:path'
import type { SpaceLimits } from './cache/space.ts'
import type { Config } from './config/schema.ts'
import type { BlobStore } from './store/blob-store.ts'
import { FileStore } from './store/file-store.ts'
import type { Leftovers } from './store/leftovers.ts'
import type { Quarantine } from './store/quarantine.ts'

export interface OpenStore {
  store: BlobStore & Quarantine
  /** Where a crash may have left something in it. */
  leftovers: Leftovers[]
}

/**
 * Opens the store of a configuration, which its owner disposes. Throws StoreError where it cannot
 * be used, and says why.
 */
export async function openStore({ data, store }: Config): Promise<OpenStore> {
  return store.type === 's3' ? openS3Store(store) : { store: fileStoreIn(data), leftovers: [] }
}

/** The store whose files are in the data folder. */
export function fileStoreIn(data: string): FileStore {
  return new FileStore({ blobs: join(data, 'blobs'), quarantine: join(data, 'quarantine') })
}

/** As openStore, for a store that is a bucket. */
export async function openS3Store(store: Config['store']): Promise<OpenStore> {
  const { bucket: name = '', prefix = '', region = 'us-east-1', endpoint, ca } = store
  // The SDK takes time and memory that only who uses S3 is to spend.
  const { S3Bucket } = await import('./store/s3-bucket.ts')
  const { S3Store } = await import('./store/s3-store.ts')
  const { Uploads } = await import('./store/s3-uploads.ts')
  const bucket = new S3Bucket({
    bucket: name,
    prefix,
    region,
    endpoint,
    forcePathStyle: store.forcePathStyle ?? false,
    credentials: store.accessKeyId &&
      store.secretAccessKey && {
        accessKeyId: store.accessKeyId.reveal(),
        secretAccessKey: store.secretAccessKey.reveal(),
      },
    ca: ca?.pem.reveal(),
  })
  try {
    await bucket.check()
  } catch (error) {
    await bucket[Symbol.asyncDispose]()
    throw error
  }
  const uploads = new Uploads(bucket)
  return { store: new S3Store(bucket, uploads), leftovers: [uploads] }
}

/** What content may take; the disk is nobody's limit where none of it is there. */
export function spaceLimits({ eviction, store }: Config): SpaceLimits {
  return store.type === 's3' ? { ...eviction, minFreeBytes: 0 } : eviction
}
