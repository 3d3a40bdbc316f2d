/*
 * What the admin API tells of the daemon itself: a contract as admin-api.ts is. Fields may be
 * added, none renamed.
 */
import type { JobEntry } from './admin-api.ts'
import type { UpstreamEntry } from './admin-upstreams.ts'
import type { Stats } from './admin-stats.ts'

/** The data of each event of `GET live`, which are server-sent events named `status`. */
export interface LiveStatus {
  stats: Stats
  jobs: JobEntry[]
  upstreams: UpstreamEntry[]
}

/** `GET config`: what the daemon was started with. */
export interface ConfigReport {
  /** As it was named; `null` where there was none. */
  file: string | null
  /** All there are, in the order of the schema. */
  keys: ConfigKeyEntry[]
}

/** Secrets are hidden. */
export interface ConfigKeyEntry {
  /** For example `listen.port`. */
  key: string
  meaning: string
  type: string
  /** `null` where there is none, as with values. */
  default: ConfigScalar
  variable: string
  /** What is in force. */
  value: ConfigScalar
  origin: ConfigOrigin
}

export type ConfigScalar = string | number | boolean | null

/** Who has set a key. Lines and columns count from 1. */
export type ConfigOrigin =
  | { source: 'default' }
  | { source: 'file'; file: string; line: number; column: number }
  | { source: 'env'; variable: string }
  | { source: 'flag'; flag: string }

/** `GET errors`: the last kinds of warnings and errors that were logged, the last first. */
export interface ErrorList {
  errors: ErrorEntry[]
}

/** Those of one kind, which differ in time and details alone. */
export interface ErrorEntry {
  level: 'warn' | 'error' | 'fatal'
  message: string
  /** How often it came since the start. */
  count: number
  firstAt: string
  lastAt: string
  /** Of the last one, as the log has them. */
  details: Record<string, unknown>
}
