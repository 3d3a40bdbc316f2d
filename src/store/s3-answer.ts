import { type AnswerHead, joinChunks, parseAnswerHead } from './answer-head.ts'
import { LANDING_BYTES, type S3Connection } from './s3-connection.ts'

/** Where a head, or what S3 says when it refuses, has still not ended, it is none. */
const MAX_TEXT_BYTES = 64 * 1024

/**
 * Reads an answer: all of one that refuses, and the head of one that does not, whose content of so
 * many bytes is read next.
 */
export async function readAnswer(
  connection: S3Connection,
): Promise<{ head: AnswerHead; content: Uint8Array | number }> {
  const head = await readText(connection, parseAnswerHead)
  return { head, content: head.status < 300 ? lengthOf(head) : await readRefusal(connection, head) }
}

function lengthOf({ headers }: AnswerHead): number {
  const length = headers['content-length'] ?? ''
  if (!/^\d{1,15}$/.test(length)) throw new Error('S3 does not say how long an object is')
  return Number(length)
}

async function readRefusal(connection: S3Connection, head: AnswerHead): Promise<Uint8Array> {
  if (head.headers['transfer-encoding'] !== undefined) {
    const { content } = await readText(connection, joinChunks)
    return content
  }
  const bytes = Number(head.headers['content-length'] ?? 0)
  const { content } = await readText(connection, (text) =>
    text.length < bytes ? undefined : { content: text.subarray(0, bytes), lengthBytes: bytes },
  )
  return content
}

/** Reads until `parse` finds something, and leaves what comes after it to be read next. */
async function readText<T extends { lengthBytes: number }>(
  connection: S3Connection,
  parse: (text: Buffer) => T | undefined,
): Promise<T> {
  let text: Buffer = Buffer.alloc(0)
  for (;;) {
    const found = parse(text)
    if (found) {
      connection.unread(text.subarray(found.lengthBytes))
      return found
    }
    if (text.length > MAX_TEXT_BYTES) throw new Error(`${text.length} bytes are no answer of S3`)
    const buffer = Buffer.allocUnsafe(LANDING_BYTES)
    const part = buffer.subarray(0, await connection.read(buffer))
    text = text.length === 0 ? part : Buffer.concat([text, part])
  }
}
