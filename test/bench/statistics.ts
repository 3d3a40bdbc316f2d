/** The samples of one contender by metric. */
export type Samples<Metric extends string> = Record<Metric, number[]>

/**
 * Measures the contenders in turn, A B A B, so that what the machine does meanwhile hits all
 * alike. The first round is not kept: it warms caches and compilers.
 */
export async function interleave<Contender extends string, Metric extends string>(
  runs: number,
  contenders: readonly Contender[],
  measure: (contender: Contender) => Promise<Record<Metric, number>>,
): Promise<Record<Contender, Samples<Metric>>> {
  const samples = new Map<Contender, Samples<Metric>>()
  for (let run = 0; run <= runs; run++) {
    for (const contender of contenders) {
      const sample = await measure(contender)
      if (run > 0) addSample(samples, contender, sample)
    }
  }
  return Object.fromEntries(samples) as Record<Contender, Samples<Metric>>
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}

/** Median with the least and the most: `12.1 (11.8-13.0)`. */
export function spread(values: readonly number[], digits: number): string {
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map(
    (value) => fixed(value, digits),
  )
  return `${middle} (${least}-${most})`
}

export function fixed(value: number, digits: number): string {
  return value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
}

function addSample<Contender, Metric extends string>(
  samples: Map<Contender, Samples<Metric>>,
  contender: Contender,
  sample: Record<Metric, number>,
): void {
  const lists = samples.get(contender) ?? ({} as Partial<Samples<Metric>>)
  for (const metric of Object.keys(sample) as Metric[]) {
    lists[metric] = [...(lists[metric] ?? []), sample[metric]]
  }
  samples.set(contender, lists as Samples<Metric>)
}
