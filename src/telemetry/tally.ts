import { Counter, type Registry } from 'prom-client'

interface TallyOptions<Label extends string> {
  name: string
  help: string
  labelNames: readonly Label[]
  registers: Registry[]
}

/**
 * A counter that costs an addition and is read when it is scraped: prom-client hashes the labels
 * at each increment, which the hot path can feel. Label values come from closed sets.
 */
export class Tally<Label extends string> {
  readonly #series = new Map<string, { values: string[]; count: number }>()
  readonly #labelNames: readonly Label[]

  constructor(options: TallyOptions<Label>) {
    this.#labelNames = options.labelNames
    const series = this.#series
    const counter = new Counter({
      ...options,
      collect() {
        counter.reset()
        for (const { values, count } of series.values()) counter.labels(...values).inc(count)
      },
    })
  }

  /** Adds to the series of these label values, given in the order of the label names. */
  add(count: number, ...values: string[]): void {
    const key = values.join(' ')
    const series = this.#series.get(key)
    if (series) series.count += count
    else this.#series.set(key, { values, count })
  }

  /** The sum of all series, or of those with one value of a label. */
  total(label?: Label, value?: string): number {
    const position = label === undefined ? -1 : this.#labelNames.indexOf(label)
    let sum = 0
    for (const { values, count } of this.#series.values()) {
      if (position < 0 || values[position] === value) sum += count
    }
    return sum
  }
}
