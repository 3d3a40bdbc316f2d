import { resolve } from 'node:path'
import type { ConfigPlace } from './config-error.ts'
import type { ConfigDocument } from './document.ts'
import { childSchema, isPath, type KeyPath, type KeySchema, ROOT } from './keys.ts'
import { type SecretSource, variableNamed } from './secret.ts'

/** Who decided on a value. */
export type Origin = ConfigPlace | { source: 'default' }

interface PlacedOverride {
  path: readonly string[]
  place: ConfigPlace
}

/** The values of a file with others laid over them, and where each of them came from. */
export class Layers {
  readonly #document: ConfigDocument
  readonly #values: unknown
  /** The winning ones first. */
  readonly #overrides: PlacedOverride[] = []

  constructor(document: ConfigDocument) {
    this.#document = document
    this.#values = document.value ?? {}
    // Overrides of upstreams add to the default ones, so these must be there to be added to.
    if (isMap(this.#values) && !Object.hasOwn(this.#values, 'upstreams')) {
      this.#values['upstreams'] = structuredClone(ROOT.properties?.['upstreams']?.default)
    }
  }

  /** Names of the upstreams so far. */
  get upstreams(): string[] {
    const upstreams = isMap(this.#values) ? this.#values['upstreams'] : undefined
    return isMap(upstreams) ? Object.keys(upstreams) : []
  }

  override(path: readonly string[], value: unknown, place: ConfigPlace): void {
    setAt(this.#values, path, ROOT, value)
    this.#overrides.unshift({ path, place })
  }

  /**
   * All values, those that are paths made absolute: what the file says is relative to
   * `fileFolder`. With them the variables that secrets are to be read from.
   */
  merge(fileFolder: string): { values: unknown; secretVariables: ReadonlySet<string> } {
    const secretVariables = new Set<string>()
    const convert = (value: unknown, schema: KeySchema, path: KeyPath): unknown => {
      if (schema.writeOnly) {
        const variable = variableNamed(value as SecretSource)
        if (variable !== undefined) secretVariables.add(variable)
      }
      if (typeof value !== 'string' || value === '' || !isPath(schema)) return value
      return resolve(this.originOf(path).source === 'file' ? fileFolder : '', value)
    }
    return { values: mapLeaves(this.#values, ROOT, [], convert), secretVariables }
  }

  /** Who decided on the value at a path, or on a part of it. */
  originOf(path: KeyPath): Origin {
    const override = this.#overrides.find((other) => isWithin(other.path, path))
    return override?.place ?? this.#document.placeOf(path) ?? { source: 'default' }
  }

  /** Where to look when something is wrong at a path, which need not be there itself. */
  placeOf(path: KeyPath): ConfigPlace {
    for (let length = path.length; length > 0; length--) {
      const origin = this.originOf(path.slice(0, length))
      if (origin.source !== 'default') return origin
    }
    return this.#document.start
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isWithin(path: KeyPath, outer: KeyPath): boolean {
  return outer.every((key, index) => String(key) === String(path[index]))
}

/** Sets a value, making the maps and lists on the way; what stands in the way is left as it is. */
function setAt(
  target: unknown,
  [key, ...rest]: readonly string[],
  schema: KeySchema,
  value: unknown,
): void {
  if (key === undefined || typeof target !== 'object' || target === null) return
  const container = target as Record<string, unknown>
  const child = childSchema(schema, key)
  if (rest.length === 0 || !child) {
    container[key] = value
    return
  }
  // A secret is a single value: its {file: PATH} form takes the place of any other.
  if (!Object.hasOwn(container, key) || child.writeOnly) container[key] = child.items ? [] : {}
  setAt(container[key], rest, child, value)
}

function mapLeaves(
  value: unknown,
  schema: KeySchema,
  path: KeyPath,
  convert: (value: unknown, schema: KeySchema, path: KeyPath) => unknown,
): unknown {
  const mapChild = (child: unknown, key: string | number): unknown =>
    mapLeaves(child, childSchema(schema, String(key)) ?? {}, [...path, key], convert)
  if (Array.isArray(value)) return value.map(mapChild)
  if (!isMap(value)) return convert(value, schema, path)
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, mapChild(child, key)]),
  )
}
