import type { Candidate } from '../inventory/inventory.ts'

/** Content that is not held any more, and the tags that went with it. */
export type Departure = Pick<Candidate, 'digest' | 'names'>

/** Remembers what is held until it is told that it has gone. */
export interface Memory {
  /**
   * Called as the inventory drops it: whoever asks that from then on finds nothing. Also called
   * for what was never remembered.
   */
  forget(departure: Departure): void
}
