import { MemoryStore } from '../../src/store/memory-store.ts'
import { blobStoreContract } from '../contract/blob-store-contract.ts'
import { fileStore } from '../support/file-store.ts'

blobStoreContract('MemoryStore', async () => {
  const files = await fileStore()
  return { ...files, store: new MemoryStore() }
})
