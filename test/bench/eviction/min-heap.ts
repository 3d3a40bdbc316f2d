interface Entry<T> {
  key: number
  value: T
}

/** Gives back the value with the least key first. */
export class MinHeap<T> {
  readonly #entries: Entry<T>[] = []

  get first(): Entry<T> | undefined {
    return this.#entries[0]
  }

  push(key: number, value: T): void {
    let at = this.#entries.push({ key, value }) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (this.#entries[above]!.key <= key) break
      this.#swap(at, above)
      at = above
    }
  }

  shift(): void {
    const last = this.#entries.pop()
    if (!last || this.#entries.length === 0) return
    this.#entries[0] = last
    for (let at = 0; ;) {
      let below = 2 * at + 1
      if (below + 1 < this.#entries.length && this.#keyAt(below + 1) < this.#keyAt(below)) below++
      if (below >= this.#entries.length || last.key <= this.#keyAt(below)) return
      this.#swap(at, below)
      at = below
    }
  }

  #keyAt(index: number): number {
    return this.#entries[index]!.key
  }

  #swap(one: number, other: number): void {
    const entry = this.#entries[one]!
    this.#entries[one] = this.#entries[other]!
    this.#entries[other] = entry
  }
}
