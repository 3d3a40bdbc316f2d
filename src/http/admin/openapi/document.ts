import { z } from 'zod'
import { type ApiErrorCode, STATUS } from '../api-error.ts'
import { type Operation, OPERATIONS } from './operations.ts'
import { refusal } from './work-schemas.ts'

const JSON_TYPE = 'application/json'
const TYPES: Record<Operation['form'], string> = {
  json: JSON_TYPE,
  lines: 'application/x-ndjson',
  events: 'text/event-stream',
}
const TOLD: Record<Operation['form'], string> = {
  json: 'Done.',
  lines: 'One of these a line, each as soon as it is known.',
  events: 'One of these as the data of each event.',
}

/** What every route may answer. */
const COMMON: readonly ApiErrorCode[] = [
  'INVALID',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'FAILED',
  'STOPPING',
]
/** What those that read a body may answer besides. */
const OF_BODIES: readonly ApiErrorCode[] = ['TOO_LARGE', 'UNSUPPORTED_TYPE']

/** The admin API as OpenAPI 3.1 describes it, of the schemas that its requests are checked with. */
export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of OPERATIONS) {
    const path = (paths[operation.path] ??= {})
    path[operation.method] = operationObject(operation)
  }
  paths['/openapi.json'] = {
    get: {
      operationId: 'get-openapi',
      summary: 'This document.',
      responses: { 200: { description: 'OpenAPI 3.1', content: contentOf(z.looseObject({})) } },
    },
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Admin API of entrepot',
      version,
      description:
        'Fields may be added, none are renamed. Sizes are bytes, times ISO 8601 in UTC; ' +
        'repositories have their registry in front. Bodies are `application/json`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/api/v1' }],
    // `admin.token` and `admin.tls.clientCa` say which of them are asked for.
    security: [{ token: [] }, { certificate: [] }, { token: [], certificate: [] }, {}],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: '`admin.token`' },
        certificate: { type: 'mutualTLS', description: 'of `admin.tls.clientCa`' },
      },
      schemas: { Refusal: jsonSchema(refusal, 'output') },
    },
  }
}

function operationObject(operation: Operation): object {
  const { method, path, summary, query, body, answer, form, refusals } = operation
  const codes = [...COMMON, ...(body ? OF_BODIES : []), ...refusals]
  return {
    operationId: `${method}${path.replaceAll('/', '-')}`,
    summary,
    ...(query && { parameters: parametersOf(query) }),
    ...(body && {
      requestBody: {
        required: true,
        content: { [JSON_TYPE]: { schema: jsonSchema(body, 'input') } },
      },
    }),
    responses: {
      200: { description: TOLD[form], content: contentOf(answer, form) },
      ...refusalsOf(codes),
    },
  }
}

function contentOf(answer: z.ZodType, form: Operation['form'] = 'json'): object {
  return { [TYPES[form]]: { schema: jsonSchema(answer, 'output') } }
}

/** By status; those with the same one are told together. */
function refusalsOf(codes: readonly ApiErrorCode[]): Record<string, object> {
  const content = { [JSON_TYPE]: { schema: { $ref: '#/components/schemas/Refusal' } } }
  return Object.fromEntries(
    codes.map((code) => [STATUS[code], { description: `\`${code}\``, content }]),
  )
}

function parametersOf(query: z.ZodObject): object[] {
  const { properties = {}, required = [] } = jsonSchema(query, 'input')
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }))
}

/** Of what is sent nothing else is taken; to what is answered fields may be added. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output') {
  const { $schema: _, ...plain } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    override({ jsonSchema: made }) {
      if (io === 'output' && made.additionalProperties === false) delete made.additionalProperties
    },
  })
  return plain
}
