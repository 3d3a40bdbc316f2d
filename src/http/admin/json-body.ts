import type { z } from 'zod'
import type { Context } from '../exchange.ts'
import { requestBody } from '../request-body.ts'
import { ApiError } from './api-error.ts'
import { parsed } from './parameters.ts'

/** The longest body that is read; the longest that the admin API takes is a list of images. */
const MAX_BODY_BYTES = 1024 * 1024

/**
 * Reads a JSON body of a known shape; an empty one counts as `{}`. The type must be
 * `application/json`, which a page of another origin cannot send without asking first.
 */
export async function readBody<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
): Promise<z.output<Schema>> {
  const [type = ''] = context.get('content-type').split(';')
  if (type.trim().toLowerCase() !== 'application/json') {
    throw new ApiError('UNSUPPORTED_TYPE', 'the body must be application/json')
  }
  return parsed(schema, parseJson(await readText(context)))
}

async function readText(context: Context): Promise<string> {
  const chunks: Uint8Array[] = []
  let total = 0
  for await (const chunk of requestBody(context)) {
    total += chunk.length
    if (total > MAX_BODY_BYTES) {
      context.res.setHeader('Connection', 'close')
      throw new ApiError('TOO_LARGE', `the body is longer than ${MAX_BODY_BYTES} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return {}
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ApiError('INVALID', 'the body is not JSON', { cause })
  }
}
