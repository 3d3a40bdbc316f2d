import { MemoryStore } from '../../src/store/memory-store.ts'
import { blobStoreContract } from '../contract/blob-store-contract.ts'
import { quarantineContract } from '../contract/quarantine-contract.ts'
import { fileStore } from '../support/file-store.ts'

for (const contract of [blobStoreContract, quarantineContract]) {
  contract('MemoryStore', async () => {
    const files = await fileStore()
    return { ...files, store: new MemoryStore() }
  })
}
