import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  stringify,
  visit,
} from 'yaml'
import { ConfigError, type ConfigPlace } from './config-error.ts'
import type { KeyPath } from './keys.ts'

type FilePlace = ConfigPlace & { source: 'file' }

/** A configuration file that was read: its values, and where each of them stands. */
export interface ConfigDocument {
  /** Plain maps, lists and scalars; `undefined` of an empty file. */
  value: unknown
  start: FilePlace
  /** Where the key stands; `undefined` where the file does not have it. */
  placeOf(path: KeyPath): FilePlace | undefined
}

/** Reads YAML 1.2, of which JSON is a part. Throws ConfigError with every fault of the syntax. */
export function readDocument(file: string, text: string): ConfigDocument {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
  })
  const placeAt = (offset: number): FilePlace => {
    const { line, col } = lines.linePos(offset)
    return { source: 'file', file, line, column: col }
  }
  const faults = [
    ...document.errors.map(({ message, pos }) => ({ message, offset: pos[0] })),
    ...document.warnings.map(({ message, pos }) => ({ message, offset: pos[0] })),
    ...aliasesOf(document),
  ]
  if (faults.length > 0) {
    throw new ConfigError(
      faults.map(({ message, offset }) => ({ ...placeAt(offset), path: '', message })),
    )
  }
  return {
    value: document.toJS() ?? undefined,
    start: placeAt(0),
    placeOf(path) {
      const offset = offsetOf(document, path)
      return offset === undefined ? undefined : placeAt(offset)
    },
  }
}

export function writeDocument(value: unknown): string {
  return stringify(value)
}

/** Aliases could make a small file expand without end; no configuration needs them. */
function aliasesOf(document: Document): { message: string; offset: number }[] {
  const found: { message: string; offset: number }[] = []
  visit(document, {
    Alias(_, alias) {
      found.push({ message: 'aliases are not supported', offset: alias.range?.[0] ?? 0 })
    },
  })
  return found
}

function offsetOf(document: Document, path: KeyPath): number | undefined {
  let node: unknown = document.contents
  let offset: number | undefined = 0
  for (const key of path) {
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find((item) => keyOf(item) === String(key))
      offset = startOf(pair?.key)
      node = pair?.value
    } else {
      node = isSeq(node) ? node.items[Number(key)] : undefined
      offset = startOf(node)
    }
    if (offset === undefined) return undefined
  }
  return offset
}

function keyOf(pair: Pair): string | undefined {
  return isScalar(pair.key) ? String(pair.key.value) : undefined
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0]
}
