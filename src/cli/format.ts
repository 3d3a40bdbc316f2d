import type { WorkProgress } from '../admin-api.ts'

const SIZE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** A size as people compare it: three digits and a unit, `1.21 GiB`. */
export function sizeText(bytes: number): string {
  let value = bytes
  let unit = 0
  // What would be rounded to 1000 and more is better said in the next unit.
  while (value >= 999.5 && unit < SIZE_UNITS.length - 1) {
    value /= 1024
    unit++
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${value.toFixed(digits)} ${SIZE_UNITS[unit]}`
}

export function numberText(count: number): string {
  return count.toLocaleString('en-US')
}

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${numberText(count)} ${count === 1 ? one : many}`
}

/** How much work is: a size, or a number of images or contents. */
export function amountText(count: number, unit: WorkProgress['unit']): string {
  return unit === 'bytes' ? sizeText(count) : countText(count, unit.slice(0, -1))
}

/** The first of the digits, as clients show them. */
export function shortDigest(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, 12)
}

const SPAN_UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

/** How long ago something was, in the largest unit: `3d`. */
export function ageText(iso: string, nowMs: number): string {
  return spanText(nowMs - Date.parse(iso))
}

/** How long it is until something, in the largest unit. */
export function untilText(iso: string, nowMs: number): string {
  return spanText(Date.parse(iso) - nowMs)
}

/** A time in the largest unit: `3d`. */
export function spanText(signedMs: number): string {
  const spanMs = Math.max(0, signedMs)
  const [name, ms] = SPAN_UNITS.find(([, unitMs]) => spanMs >= unitMs) ?? ['s', 1000]
  return `${Math.floor(spanMs / ms)}${name}`
}

/** A part as people compare it, `91.2 %`; `-` of nothing. */
export function percentText(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((part / whole) * 100).toFixed(1)} %`
}
