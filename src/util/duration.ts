const UNITS = [
  { name: 'd', ms: 86_400_000 },
  { name: 'h', ms: 3_600_000 },
  { name: 'm', ms: 60_000 },
  { name: 's', ms: 1000 },
  { name: 'ms', ms: 1 },
] as const

/** Durations as people write them: whole numbers with units, largest first, each unit once. */
export const DURATION_PATTERN = /^(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/

/** Reads `5m`, `1h30m` or `250ms` into milliseconds; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION_PATTERN.exec(text)
  if (!match) return undefined
  const totalMs = UNITS.reduce(
    (sumMs, unit, index) => sumMs + Number(match[index + 1] ?? 0) * unit.ms,
    0,
  )
  return Number.isSafeInteger(totalMs) ? totalMs : undefined
}

/** The shortest text that `parseDuration` reads as these milliseconds, which are whole. */
export function formatDuration(ms: number): string {
  let restMs = ms
  let text = ''
  for (const unit of UNITS) {
    const count = Math.floor(restMs / unit.ms)
    restMs -= count * unit.ms
    if (count > 0) text += `${count}${unit.name}`
  }
  return text || '0s'
}
