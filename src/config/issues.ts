import type { z } from 'zod'
import type { ConfigIssue, ConfigPlace } from './config-error.ts'
import { type KeyPath, propertiesOf, schemaAt } from './keys.ts'
import { nearest } from './suggestion.ts'

const TYPES: Readonly<Record<string, string>> = {
  object: 'a map',
  record: 'a map',
  array: 'a list',
  boolean: 'true or false',
}

const CHOICE = new Intl.ListFormat('en', { type: 'disjunction' })

/** The message for faults to which a field does not give one of its own. Values are never shown. */
export function issueMessage(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') return `expected ${TYPES[issue.expected] ?? issue.expected}`
  if (issue.code === 'invalid_value') return `expected ${CHOICE.format(issue.values.map(String))}`
  return undefined
}

/** The schema's issues, each with its place: first the file's in their order, then the others. */
export function issuesOf(
  issues: readonly z.core.$ZodIssue[],
  placeOf: (path: KeyPath) => ConfigPlace,
): ConfigIssue[] {
  return issues
    .flatMap(faultsOf)
    .map(({ path, message }) => ({ ...placeOf(path), path: path.join('.'), message }))
    .sort(byPlace)
}

function faultsOf(issue: z.core.$ZodIssue): { path: KeyPath; message: string }[] {
  const path = issue.path as KeyPath
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(path, key) }))
  }
  if (issue.code === 'invalid_key') {
    return issue.issues.map(({ message }) => ({ path, message }))
  }
  return [{ path, message: issue.message }]
}

function unknownKey(path: KeyPath, key: string): string {
  const near = nearest(key, Object.keys(propertiesOf(schemaAt(path) ?? {})))
  return near ? `unknown key; did you mean ${near}?` : 'unknown key'
}

function byPlace(a: ConfigPlace, b: ConfigPlace): number {
  if (a.source !== 'file') return b.source === 'file' ? 1 : 0
  return b.source === 'file' ? a.line - b.line || a.column - b.column : -1
}
