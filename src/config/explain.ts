import { variableOf } from './environment.ts'
import { childSchema, type KeyPath, type KeySchema, propertiesOf, ROOT, typeText } from './keys.ts'
import type { Origin } from './layers.ts'
import type { LoadedConfig } from './load.ts'

/** A value as it is printed; undefined where there is none. */
export type Scalar = string | number | boolean | undefined

/** All there is to know about one key of a loaded configuration. */
export interface Explanation {
  key: string
  meaning: string
  type: string
  /** Where there is none the key may be left out, or its meaning says what is taken. */
  default: Scalar
  variable: string
  /** What is in force; secrets are hidden. */
  value: Scalar
  origin: Origin
}

/** Explains every key, those of each upstream too, in the order of the schema. */
export function explainConfig(loaded: LoadedConfig): Explanation[] {
  const explain = (schema: KeySchema, value: unknown, path: KeyPath): Explanation[] => {
    const keys = keysOf(schema, value)
    if (keys) {
      return keys.flatMap((key) =>
        explain(childSchema(schema, String(key)) ?? {}, memberOf(value, key), [...path, key]),
      )
    }
    return [
      {
        key: path.join('.'),
        meaning: schema.description ?? '',
        type: typeText(schema),
        default: schema.default as Scalar,
        variable: variableOf(path),
        value: value as Scalar,
        origin: loaded.originOf(path),
      },
    ]
  }
  return explain(ROOT, loaded.effective, [])
}

/** The keys below a section; of a list at least the first, so that it can be explained. */
function keysOf(schema: KeySchema, value: unknown): KeyPath | undefined {
  if (schema.additionalProperties) return Object.keys(value ?? {})
  if (schema.items) return [...(Array.isArray(value) && value.length > 0 ? value : [0]).keys()]
  return schema.properties && Object.keys(propertiesOf(schema))
}

function memberOf(value: unknown, key: string | number): unknown {
  return (value as Record<string, unknown> | undefined)?.[key]
}
