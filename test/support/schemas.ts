import { readFileSync } from 'node:fs'
import { z } from 'zod'

/**
 * Schemas that others publish, without their descriptions, and refusing every field they do not
 * name: `kubernetes.json` from api/openapi-spec/swagger.json of Kubernetes 1.34.2, for the kinds
 * we use; `compose.json` from schema/compose-spec.json of compose-go 2.16.2.
 */
const FOLDER = new URL('../deploy/schemas/', import.meta.url)

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0]

const kubernetes = read('kubernetes.json') as {
  kinds: Record<string, { $ref: string }>
  $defs: Record<string, object>
}

/** What is wrong with a file of compose; undefined where nothing is. */
export function composeFault(file: unknown): string | undefined {
  return faultOf(read('compose.json') as JsonSchema, file)
}

/** What is wrong with an object of Kubernetes; undefined where nothing is. */
export function kubernetesFault(object: { apiVersion: string; kind: string }): string | undefined {
  const kind = kubernetes.kinds[`${object.apiVersion} ${object.kind}`]
  if (!kind) return `no schema for ${object.apiVersion} ${object.kind}`
  return faultOf({ ...kind, $defs: kubernetes.$defs } as JsonSchema, object)
}

function faultOf(schema: JsonSchema, value: unknown): string | undefined {
  const { error } = z.fromJSONSchema(schema).safeParse(value)
  return error && z.prettifyError(error)
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8'))
}
