import type { ConfigOrigin, ConfigScalar } from '../admin-daemon.ts'
import { formatPlace } from '../config/config-error.ts'
import { nearest } from '../config/suggestion.ts'
import { UsageError } from './failure.ts'
import { columns } from './output.ts'

/** A key with all there is to know about it, as read here or as the daemon tells it. */
interface Explained {
  key: string
  meaning: string
  type: string
  default: ConfigScalar | undefined
  variable: string
  value: ConfigScalar | undefined
  origin: ConfigOrigin
}

/** A key or a section, or all where none is named. Throws UsageError where there is none of the name. */
export function chosenOf<One extends Explained>(
  all: readonly One[],
  key: string | undefined,
): One[] {
  const chosen = all.filter((one) => key === undefined || `${one.key}.`.startsWith(`${key}.`))
  if (key === undefined || chosen.length > 0) return chosen
  const near = nearest(
    key,
    all.map((one) => one.key),
  )
  throw new UsageError(`unknown key ${key}${near ? `; did you mean ${near}?` : ''}`)
}

/** A line for each where all were chosen. */
export function explanationsText(chosen: readonly Explained[], key: string | undefined): string {
  if (key === undefined) return columns(chosen.map((one) => [one.key, summaryOf(one)]))
  return chosen.map(explanationText).join('\n\n')
}

function summaryOf(one: Explained): string {
  return `${valueText(one.value)}  (${originText(one)})`
}

function explanationText(one: Explained): string {
  const rows = columns([
    ['type', one.type.replaceAll('`', '')],
    ['default', valueText(one.default)],
    ['variable', one.variable],
    ['value', valueText(one.value)],
    ['set by', originText(one)],
  ])
  return `${one.key}\n  ${one.meaning.replaceAll('`', '')}\n${rows.replace(/^/gm, '  ')}`
}

function valueText(value: ConfigScalar | undefined): string {
  return value === undefined || value === null ? '-' : String(value)
}

function originText({ origin }: Explained): string {
  return origin.source === 'default' ? 'default' : formatPlace(origin)
}
