/** Something in the configuration that is wrong, and where it was said. */
export type ConfigIssue = (ConfigPlace | UnreadFile) & {
  /** Keys joined by dots; empty for the file as a whole. */
  path: string
  message: string
}

/** Where a value was given. Lines and columns count from 1. */
export type ConfigPlace =
  | { source: 'file'; file: string; line: number; column: number }
  | { source: 'env'; variable: string }
  | { source: 'flag'; flag: string }

/** A file without a text has no place to name. */
interface UnreadFile {
  source: 'file'
  file: string
  line?: never
}

/** The configuration cannot be used; all that is wrong with it at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly issues: readonly ConfigIssue[]

  constructor(issues: readonly ConfigIssue[], options?: ErrorOptions) {
    super(issues.map(formatIssue).join('\n'), options)
    this.issues = issues
  }
}

/** `FILE:LINE:COLUMN: path: message`, or with the variable, flag, or file as a whole in front. */
export function formatIssue(issue: ConfigIssue): string {
  return [formatPlace(issue), issue.path, issue.message].filter(Boolean).join(': ')
}

export function formatPlace(place: ConfigPlace | UnreadFile): string {
  if (place.source === 'env') return place.variable
  if (place.source === 'flag') return place.flag
  return place.line === undefined ? place.file : `${place.file}:${place.line}:${place.column}`
}
