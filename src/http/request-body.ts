import type { IncomingMessage } from 'node:http'
import { RegistryError } from '../oci/registry-error.ts'
import type { Context } from './exchange.ts'

/** Who sends nothing for so long has gone. */
const PATIENCE_MS = 60_000

/** The bytes that a client sends, as they come; its connection ends when they stop coming. */
export async function* requestBody({ req }: Context): AsyncIterable<Uint8Array> {
  if (req.headers['content-length'] === '0') return
  req.socket.setTimeout(PATIENCE_MS)
  try {
    // Not destroyed, so that a refusal can still be told.
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      yield chunk as Buffer
    }
    req.socket.setTimeout(0)
  } finally {
    // Who is refused may read the answer only when all is sent.
    req.resume()
  }
}

/** All of a body that is at most `limitBytes` long. Throws RegistryError `TOO_LARGE`. */
export async function wholeBody(context: Context, limitBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let total = 0
  for await (const chunk of requestBody(context)) {
    total += chunk.length
    if (total > limitBytes) {
      throw new RegistryError('TOO_LARGE', `the body is longer than ${limitBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Where the bytes of a chunk belong: `Content-Range: first-last` (distribution-spec, Pushing a blob in chunks). */
export function chunkPosition({ headers }: IncomingMessage): number | undefined {
  const text = headers['content-range']
  if (text === undefined) return undefined
  const [, first = '', last = ''] =
    /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/.*)?$/.exec(text) ?? []
  if (first === '')
    throw new RegistryError('BLOB_UPLOAD_INVALID', 'Content-Range is not first-last')
  const length = headers['content-length']
  if (length !== undefined && Number(length) !== Number(last) - Number(first) + 1) {
    throw new RegistryError('SIZE_INVALID', 'Content-Range is not as long as the body')
  }
  return Number(first)
}
