/** Something that a crash left behind and that is of no use to anybody. */
export interface Leftover {
  name: string
  sizeBytes: number
  /** What it is. */
  reason: string
}

/** What holds such things. What fails throws StoreError. */
export interface Leftovers {
  /** Nothing that somebody works on. */
  leftovers(): Promise<Leftover[]>
  /** Idempotent. */
  removeLeftover(name: string): Promise<void>
}
