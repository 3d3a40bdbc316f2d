/** How long a registry took until the headers of its last answers. */
export interface LatencySummary {
  medianMs: number
  /** Nineteen of twenty answers took no longer. */
  p95Ms: number
  /** How many answers that is over. */
  answers: number
}

const ANSWERS = 100

/** Remembers how long the last hundred answers took. */
export class Latency {
  readonly #lastMs: number[] = []
  #next = 0

  add(durationMs: number): void {
    this.#lastMs[this.#next] = durationMs
    this.#next = (this.#next + 1) % ANSWERS
  }

  /** `undefined` before there was an answer. */
  summary(): LatencySummary | undefined {
    const sorted = this.#lastMs.toSorted((a, b) => a - b)
    const at = (part: number) => sorted[Math.ceil(sorted.length * part) - 1]
    const [medianMs, p95Ms] = [at(0.5), at(0.95)]
    if (medianMs === undefined || p95Ms === undefined) return undefined
    return { medianMs, p95Ms, answers: sorted.length }
  }
}
