/** Something in the configuration that is wrong, and where it was said. */
export type ConfigIssue = ConfigPlace & {
  /** Keys joined by dots; empty for the file as a whole. */
  path: string
  message: string
}

/** Where a value was given. Lines and columns count from 1. */
export type ConfigPlace =
  | { source: 'file'; file: string; line: number; column: number }
  | { source: 'env'; variable: string }
  | { source: 'flag'; flag: string }

/** The configuration cannot be used; all that is wrong with it at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly issues: readonly ConfigIssue[]

  constructor(issues: readonly ConfigIssue[], options?: ErrorOptions) {
    super(issues.map(formatIssue).join('\n'), options)
    this.issues = issues
  }
}

/** `FILE:LINE:COLUMN: path: message`, or with the variable or flag in front. */
export function formatIssue(issue: ConfigIssue): string {
  return [formatPlace(issue), issue.path, issue.message].filter(Boolean).join(': ')
}

export function formatPlace(place: ConfigPlace): string {
  if (place.source === 'file') return `${place.file}:${place.line}:${place.column}`
  return place.source === 'env' ? place.variable : place.flag
}
