import type { Content, Inventory } from '../inventory/inventory.ts'
import type { BlobStat, BlobStore } from '../store/blob-store.ts'

/** Few, because nothing else happens while they are read. */
const CONTENTS_PER_QUERY = 200

/** Content of which one side knows nothing, or both something else. */
export type Mismatch =
  | { content: Content; stat: undefined }
  | { content: undefined; stat: BlobStat }
  | { content: Content; stat: BlobStat }

/**
 * Walks through store and inventory together, both in order of digest, and gives what does not
 * match. Since they change meanwhile, it may match by now. `seen` is called for each that either
 * has; what it throws ends the walk.
 */
export async function* mismatches(
  store: BlobStore,
  inventory: Pick<Inventory, 'contents'>,
  seen: () => void,
): AsyncGenerator<Mismatch, void> {
  const contents = contentsOf(inventory)
  let content = await next(contents)
  for await (const stat of store.list()) {
    seen()
    while (content && content.digest < stat.digest) {
      seen()
      yield { content, stat: undefined }
      content = await next(contents)
    }
    if (content?.digest !== stat.digest) {
      yield { content: undefined, stat }
      continue
    }
    if (content.sizeBytes !== stat.sizeBytes) yield { content, stat }
    content = await next(contents)
  }
  while (content) {
    seen()
    yield { content, stat: undefined }
    content = await next(contents)
  }
}

/** Everything that is held, in order of digest. */
export async function* contentsOf(
  inventory: Pick<Inventory, 'contents'>,
  after?: Content['digest'],
): AsyncGenerator<Content, void> {
  let last = after
  for (;;) {
    const page = await inventory.contents(last, CONTENTS_PER_QUERY)
    yield* page
    last = page.at(-1)?.digest
    if (page.length < CONTENTS_PER_QUERY) return
  }
}

async function next(contents: AsyncGenerator<Content, void>): Promise<Content | undefined> {
  return (await contents.next()).value ?? undefined
}
