import type { BlobStore } from './blob-store.ts'

/**
 * Where a store has its bytes: each blob for good, and some of them again, nearer to who reads.
 * For who checks what is there, layer by layer: it counts as no use of a copy, and makes none.
 */
export interface StoreLayers {
  originals: Pick<BlobStore, 'open'>
  copies: Pick<BlobStore, 'open' | 'delete'>
}

/** Those of a store that has no copies. */
export function oneLayer(store: BlobStore): StoreLayers {
  return {
    originals: store,
    copies: { open: () => Promise.resolve(undefined), delete: () => Promise.resolve([]) },
  }
}
