/** Something that was looked at, and what was found. */
export interface Finding {
  part: Part
  /** `warning`: it works, and may not for long or not for all. */
  level: 'ok' | 'warning' | 'fault'
  text: string
  /** What to do about it; `null` where nothing is to be done. */
  fix: string | null
}

export type Part =
  | 'config'
  | 'data'
  | 'ports'
  | 'admin'
  | 'store'
  | 'upstream'
  | 'users'
  | 'audit'
  | 'clock'
  | 'certificates'
  | 'client'

export function ok(part: Part, text: string): Finding {
  return { part, level: 'ok', text, fix: null }
}

export function warning(part: Part, text: string, fix: string): Finding {
  return { part, level: 'warning', text, fix }
}

export function fault(part: Part, text: string, fix: string): Finding {
  return { part, level: 'fault', text, fix }
}
