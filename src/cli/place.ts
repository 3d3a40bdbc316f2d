import { parseDuration } from '../util/duration.ts'
import { parseIsoTime } from '../util/iso-time.ts'
import { UsageError } from './failure.ts'

/**
 * A place in the history of a tag, as the admin API takes it. Times are read here, as one without
 * a zone is one of who asks, not of the daemon.
 */
export function placeOf(option: string, text: string): string {
  if (/^sha(256|512):/.test(text)) return text
  const agoMs = parseDuration(text)
  const atMs = agoMs === undefined ? parseIsoTime(text) : Date.now() - agoMs
  if (atMs !== undefined) return new Date(atMs).toISOString()
  throw new UsageError(`${option} takes a digest, a time or a duration such as 3d, not ${text}`)
}
