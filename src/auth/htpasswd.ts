/** A line of a file of passwords that cannot be used. Lines and columns count from 1. */
export interface HtpasswdFault {
  line: number
  column: number
  message: string
}

/** A file of passwords cannot be used; the faults never show what is in it. */
export class HtpasswdError extends Error {
  override readonly name = 'HtpasswdError'
  readonly file: string
  readonly faults: readonly HtpasswdFault[]

  constructor(file: string, faults: readonly HtpasswdFault[]) {
    const lines = faults.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`)
    super(lines.join('\n'))
    this.file = file
    this.faults = faults
  }
}

/** Costs above would keep the thread that checks passwords for a minute. */
const BCRYPT = /^\$2[aby]\$(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}$/

/** A user's name goes in front of a colon, in the file and in what clients send. */
const USER = /^[^\s:]{1,255}$/

export function isUserName(text: string): boolean {
  return USER.test(text) && text !== 'anonymous' && text !== '*' && !text.startsWith('#')
}

/**
 * Users and their bcrypt hashes, from lines of `USER:HASH`; empty ones and those that begin with `#`
 * mean nothing. Throws HtpasswdError with all that is wrong; `file` is for that.
 */
export function parseHtpasswd(text: string, file: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>()
  const faults: HtpasswdFault[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trimEnd()
    if (line === '' || line.startsWith('#')) continue
    const colon = line.indexOf(':')
    const user = line.slice(0, Math.max(0, colon))
    const hash = line.slice(colon + 1)
    const refuse = (column: number, message: string) =>
      faults.push({ line: index + 1, column, message })
    if (!isUserName(user)) refuse(1, 'expected USER:HASH')
    else if (entries.has(user)) refuse(1, `${user} is here twice`)
    else if (!BCRYPT.test(hash)) {
      refuse(colon + 2, 'expected a bcrypt hash of a cost up to 16, as entrepot passwd makes it')
    } else entries.set(user, hash)
  }
  if (faults.length > 0) throw new HtpasswdError(file, faults)
  return entries
}

/** The text with the user's line changed, added at the end, or with `undefined` removed; all else stays. */
export function withPassword(text: string, user: string, hash: string | undefined): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  const at = lines.findIndex((line) => line.startsWith(`${user}:`))
  const line = hash === undefined ? [] : [`${user}:${hash}`]
  const changed = at < 0 ? [...lines, ...line] : lines.toSpliced(at, 1, ...line)
  return changed.map((each) => `${each}\n`).join('')
}
