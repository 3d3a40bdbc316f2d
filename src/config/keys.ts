import { z } from 'zod'
import { PATH_TITLE } from './fields.ts'
import { configSchema } from './schema.ts'
import { Secret } from './secret.ts'

/** The part of JSON Schema that describes a configuration. */
export interface KeySchema {
  type?: string
  title?: string
  description?: string
  default?: unknown
  enum?: readonly unknown[]
  writeOnly?: boolean
  properties?: Readonly<Record<string, KeySchema>>
  additionalProperties?: KeySchema | false
  items?: KeySchema
  anyOf?: readonly KeySchema[]
}

/** One value that can be set. */
export interface ConfigKey {
  /** `NAME` stands for any name, `0` for any item. */
  path: readonly string[]
  schema: KeySchema
}

/** Keys from the outside in; items of lists by their number. */
export type KeyPath = readonly (string | number)[]

export const NAME = 'NAME'

/** The JSON Schema of a configuration file. */
export function configJsonSchema(): KeySchema {
  const schema = configSchema(() => Promise.resolve(new Secret('')))
  return z.toJSONSchema(schema, { io: 'input' }) as KeySchema
}

export const ROOT: KeySchema = configJsonSchema()

/** Every value that can be set, in the order of the schema. */
export function configKeys(): ConfigKey[] {
  return leavesOf(ROOT, [])
}

function leavesOf(schema: KeySchema, path: readonly string[]): ConfigKey[] {
  if (schema.items) return leavesOf(schema.items, [...path, '0'])
  if (schema.additionalProperties) return leavesOf(schema.additionalProperties, [...path, NAME])
  if (!schema.properties) return [{ path, schema }]
  return Object.entries(schema.properties).flatMap(([key, child]) =>
    leavesOf(child, [...path, key]),
  )
}

/** What may stand at a path; `undefined` where nothing may. */
export function schemaAt(path: KeyPath): KeySchema | undefined {
  let schema: KeySchema | undefined = ROOT
  for (const key of path) schema = schema && childSchema(schema, String(key))
  return schema
}

export function childSchema(schema: KeySchema, key: string): KeySchema | undefined {
  const properties = propertiesOf(schema)
  if (Object.hasOwn(properties, key)) return properties[key]
  if (schema.items && /^\d+$/.test(key)) return schema.items
  return schema.additionalProperties || undefined
}

/** The fixed keys below a schema; of a secret those of its `{file: PATH}` form. */
export function propertiesOf(schema: KeySchema): Readonly<Record<string, KeySchema>> {
  return schema.properties ?? schema.anyOf?.find((form) => form.properties)?.properties ?? {}
}

export function isPath(schema: KeySchema): boolean {
  return schema.title === PATH_TITLE
}

/** What kind of value a key takes, in a word or two. */
export function typeText(schema: KeySchema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(', ')
  return schema.title ?? schema.type ?? ''
}
