import { posix } from 'node:path'

/** A file below `src/`: its path there, for example `oci/digest.ts`. */
export interface SourceFile {
  path: string
  text: string
}

export interface Architecture {
  /** A part (a folder, or a file that stands alone, without its ending) and the parts it may import. */
  layers: Readonly<Record<string, readonly string[]>>
  /** A package and who may import it: folders (`http`, `http/admin`) or single files (`store/folder-lock.ts`). */
  owners: Readonly<Record<string, readonly string[]>>
  /** The part that may read the environment. */
  environment: string
}

export const MAX_LINES = 400

const IMPORTS = [
  /^(?:import|export)\s[^'"();=]*?\bfrom\s+'([^']+)'/gm,
  /^import\s+'([^']+)'/gm,
  /\bimport\(\s*'([^']+)'/g,
]
const DEFAULT_EXPORT = /^export\s+default\b|\bas\s+default\b/m
const ENVIRONMENT = /\bprocess\s*(?:\?\.|\.)\s*env\b|\benv\b[^'"();=]*\bfrom\s+'node:process'/
const EMPTY_WORDS = new Set(
  'util utils helper helpers common manager managers service services'.split(' '),
)

/** Everything in which the files break the rules, one line each; empty when all is well. */
export function violationsOf(files: SourceFile[], architecture: Architecture): string[] {
  const graph = new Map(files.map((file) => [file.path, importsOf(file)]))
  return [
    ...files.flatMap((file) => [
      ...layerViolations(file, architecture),
      ...packageViolations(file, architecture),
      ...formViolations(file, architecture),
    ]),
    ...cyclesOf(graph).map((cycle) => `${cycle.join(' -> ')}: cycle`),
  ]
}

export function lineCount(file: SourceFile): number {
  return file.text.split('\n').length - (file.text.endsWith('\n') ? 1 : 0)
}

/** The part a path belongs to: its folder, or its own name where it stands in `src/` itself. */
export function partOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : posix.parse(path).name
}

function specifiersOf(file: SourceFile): string[] {
  return IMPORTS.flatMap((pattern) =>
    [...file.text.matchAll(pattern)].map(([, specifier = '']) => specifier),
  )
}

/** The files of ours that a file imports, types included. */
function importsOf(file: SourceFile): string[] {
  return specifiersOf(file)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(posix.dirname(file.path), specifier))
}

function layerViolations(file: SourceFile, { layers }: Architecture): string[] {
  const part = partOf(file.path)
  const allowed = layers[part]
  if (!allowed) return [`${file.path}: ${part} has no row in the table of layers`]
  return importsOf(file)
    .filter((path) => partOf(path) !== part && !allowed.includes(partOf(path)))
    .map((path) => `${file.path}: ${part} must not import ${path}`)
}

function packageViolations(file: SourceFile, { owners }: Architecture): string[] {
  return specifiersOf(file)
    .filter((specifier) => !specifier.startsWith('.'))
    .map(packageOf)
    .filter((name) => {
      const named = owners[name]
      if (!named) return !name.startsWith('node:')
      return !named.some((owner) => file.path === owner || file.path.startsWith(`${owner}/`))
    })
    .map((name) => `${file.path}: does not own the package ${name}`)
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function formViolations(file: SourceFile, { environment }: Architecture): string[] {
  const found: string[] = []
  const words = posix.parse(file.path).name.split('-')
  if (words[0] === 'index') found.push('is a barrel')
  for (const word of words) if (EMPTY_WORDS.has(word)) found.push(`"${word}" names nothing`)
  if (lineCount(file) > MAX_LINES) found.push(`has more than ${MAX_LINES} lines`)
  if (DEFAULT_EXPORT.test(file.text)) found.push('has a default export')
  if (ENVIRONMENT.test(file.text) && partOf(file.path) !== environment) {
    found.push('reads the environment')
  }
  return found.map((text) => `${file.path}: ${text}`)
}

function cyclesOf(graph: Map<string, string[]>): string[][] {
  const cycles: string[][] = []
  const done = new Set<string>()
  const visit = (path: string, trail: string[]): void => {
    if (trail.includes(path)) {
      cycles.push([...trail.slice(trail.indexOf(path)), path])
      return
    }
    if (done.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return cycles
}
