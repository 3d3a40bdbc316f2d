// @ts-check

const SIZE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/**
 * Three digits and a unit, as the commands have it.
 *
 * @param {number} bytes
 */
export function sizeText(bytes) {
  let value = Math.abs(bytes)
  let unit = 0
  while (value >= 999.5 && unit < SIZE_UNITS.length - 1) {
    value /= 1024
    unit++
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${bytes < 0 ? '−' : ''}${value.toFixed(digits)} ${SIZE_UNITS[unit]}`
}

/**
 * All is nothing less.
 *
 * @param {number} ratio
 */
export function percentText(ratio) {
  const percent = ratio * 100
  return `${percent > 99 && percent < 100 ? Math.floor(percent * 10) / 10 : Math.round(percent)} %`
}

/**
 * From a million on with three digits, as sizes have.
 *
 * @param {number} count
 * @param {string} [one]
 */
export function countText(count, one) {
  const text =
    count < 1e6
      ? count.toLocaleString('en')
      : count
          .toLocaleString('en', {
            notation: 'compact',
            minimumSignificantDigits: 3,
            maximumSignificantDigits: 3,
          })
          .replace(/(?=[A-Z])/, ' ')
  return one === undefined ? text : `${text} ${count === 1 ? one : `${one}s`}`
}

/**
 * How long something takes, in its two largest units.
 *
 * @param {number} ms
 */
export function spanText(ms) {
  const left = Math.max(0, ms)
  if (left < MINUTE_MS) return `${Math.floor(left / 1000)} s`
  if (left < HOUR_MS) return `${Math.floor(left / MINUTE_MS)} min`
  if (left < DAY_MS) {
    const minutes = Math.floor((left % HOUR_MS) / MINUTE_MS)
    return `${Math.floor(left / HOUR_MS)} h${minutes > 0 ? ` ${minutes} min` : ''}`
  }
  return `${Math.floor(left / DAY_MS)} d`
}

/** @param {string} iso */
export function agoText(iso) {
  const ms = Date.now() - Date.parse(iso)
  return ms < MINUTE_MS ? 'just now' : `${spanText(ms)} ago`
}

/**
 * The time of day, with the day where that is another.
 *
 * @param {string | number} time ISO 8601, or milliseconds
 */
export function timeText(time) {
  const date = new Date(time)
  const isToday = date.toDateString() === new Date().toDateString()
  return date.toLocaleString('en-GB', {
    ...(!isToday && { day: 'numeric', month: 'short' }),
    hour: '2-digit',
    minute: '2-digit',
  })
}

/** @param {string} digest */
export function digestText(digest) {
  return digest.slice(digest.indexOf(':') + 1).slice(0, 12)
}
