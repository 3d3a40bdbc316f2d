import type {
  Candidate,
  Content,
  Inventory,
  InventoryTotals,
  Usage,
} from '../inventory/inventory.ts'

/** The part of what is held that content which was used once may take when space is short. */
const ONCE_SHARE = 0.25

/** What the order goes by. */
export type Roots = Pick<Inventory, 'roots' | 'totals'>

type Used = Pick<Content, 'digest' | 'usedAtMs'>

/**
 * Which of the two goes first: the least recently used of the roots that were used once, or of
 * those that were used again. What was used once does as long as it takes more than its share, so
 * that pulling any number of images that nobody wants again leaves the others where they are; else
 * the one that was used longer ago.
 */
export function goesFirst<T extends Used>(
  once: T | undefined,
  again: T | undefined,
  { bytes, onceBytes }: Pick<InventoryTotals, 'bytes' | 'onceBytes'>,
  onceShare = ONCE_SHARE,
): T | undefined {
  if (!once || !again) return once ?? again
  if (onceBytes > bytes * onceShare) return once
  return isColder(again, once) ? again : once
}

/**
 * Roots in the order in which they are evicted, each found when it is asked for, by what is held
 * then. One that is left where it is does not come again.
 */
export async function* inEvictionOrder(inventory: Roots): AsyncIterable<Candidate> {
  const last: Partial<Record<Usage, Candidate>> = {}
  for (;;) {
    const next = goesFirst(
      await coldest(inventory, 'once', last.once),
      await coldest(inventory, 'again', last.again),
      await inventory.totals(),
    )
    if (!next) return
    last[next.usage] = next
    yield next
  }
}

/** Roots that were not used since, whatever their share. */
export async function* unusedSince(inventory: Roots, sinceMs: number): AsyncIterable<Candidate> {
  for (const usage of ['once', 'again'] as const) {
    let root = await coldest(inventory, usage, undefined)
    while (root && root.usedAtMs < sinceMs) {
      yield root
      root = await coldest(inventory, usage, root)
    }
  }
}

async function coldest(
  inventory: Roots,
  usage: Usage,
  after: Candidate | undefined,
): Promise<Candidate | undefined> {
  const [root] = await inventory.roots({ usage, after, limit: 1 })
  return root
}

function isColder(a: Used, b: Used): boolean {
  return a.usedAtMs === b.usedAtMs ? a.digest < b.digest : a.usedAtMs < b.usedAtMs
}
