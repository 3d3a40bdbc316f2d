/** How an HTTP/1.1 answer begins. */
export interface AnswerHead {
  status: number
  /** By name in lower case; what is there several times is joined by commas. */
  headers: Record<string, string>
  /** Of all of this. */
  lengthBytes: number
}

const END = '\r\n\r\n'
const STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d)(?: |$)/
const HEADER = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/
const CHUNK_SIZE = /^([\da-f]{1,8})[ \t]*(?:;|$)/i

/** `undefined` where not all of it is there yet; throws where it is none. RFC 9112, sections 2 to 5. */
export function parseAnswerHead(text: Buffer): AnswerHead | undefined {
  const end = text.indexOf(END, 0, 'latin1')
  if (end === -1) return undefined
  const [first = '', ...lines] = text.toString('latin1', 0, end).split('\r\n')
  const [, status] = STATUS_LINE.exec(first) ?? []
  if (status === undefined) throw new Error(`no HTTP answer begins with ${JSON.stringify(first)}`)
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name, value = ''] = HEADER.exec(line) ?? []
    if (name === undefined) throw new Error(`${JSON.stringify(line)} is no HTTP header`)
    const key = name.toLowerCase()
    const earlier = headers.get(key)
    headers.set(key, earlier === undefined ? value : `${earlier}, ${value}`)
  }
  return {
    status: Number(status),
    headers: Object.fromEntries(headers),
    lengthBytes: end + END.length,
  }
}

/** What was sent in chunks; otherwise as `parseAnswerHead`. RFC 9112, section 7.1. */
export function joinChunks(text: Buffer): { content: Buffer; lengthBytes: number } | undefined {
  const chunks: Buffer[] = []
  for (let position = 0; ;) {
    const endOfLine = text.indexOf('\r\n', position, 'latin1')
    if (endOfLine === -1) return undefined
    const line = text.toString('latin1', position, endOfLine)
    const [, size] = CHUNK_SIZE.exec(line) ?? []
    if (size === undefined) throw new Error(`no HTTP chunk begins with ${JSON.stringify(line)}`)
    const start = endOfLine + 2
    const end = start + Number.parseInt(size, 16)
    if (end === start) return { content: Buffer.concat(chunks), lengthBytes: end }
    chunks.push(text.subarray(start, end))
    position = end + 2
  }
}
