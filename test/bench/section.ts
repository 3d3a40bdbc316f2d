/** How much a run of the bench does. */
export interface Plan {
  runs: number
  /** Of one measurement of a warm server. */
  windowMs: number
  stormClients: readonly number[]
  /** Sizes of warm blobs, each with the least ratio of MB/s that is promised. */
  blobs: readonly { sizeBytes: number; minRatio: number }[]
}

/** What one scenario has to say. */
export interface Section {
  title: string
  /** How it was measured. */
  method: string
  head: readonly string[]
  rows: readonly (readonly string[])[]
  targets: readonly Target[]
  /** All samples, for build/. */
  samples: unknown
}

/** One line of what was promised. */
export interface Target {
  what: string
  wanted: string
  measured: string
  isMet: boolean
}

export function atMost(what: string, limit: number, measured: number, unit = ''): Target {
  return {
    what,
    wanted: `<= ${limit}${unit}`,
    measured: `${round(measured)}${unit}`,
    isMet: measured <= limit,
  }
}

export function atLeast(what: string, limit: number, measured: number, unit = ''): Target {
  return {
    what,
    wanted: `>= ${limit}${unit}`,
    measured: `${round(measured)}${unit}`,
    isMet: measured >= limit,
  }
}

// Enough digits that a figure that misses its limit does not round to it.
function round(value: number): string {
  return String(Number(value.toPrecision(4)))
}
