/** One way to authenticate that a `WWW-Authenticate` header offers (RFC 9110 section 11.6.1). */
export interface Challenge {
  /** In lower case. */
  scheme: string
  /** By name in lower case; of a name that is given twice, the first. */
  parameters: ReadonlyMap<string, string>
}

const SEPARATORS = /[\s,]*/y
const TOKEN = /[!#$%&'*+.^_`|~\w-]+/y
const EQUALS = /\s*=\s*/y
const QUOTED = /"((?:[^"\\]|\\.)*)(?:"|$)/sy
/** Wider than a token: some registries leave URLs unquoted. */
const UNQUOTED = /[^\s,"]*/y
const TOKEN68 = /\s+[\w.~+/-]+=*\s*(?=,|$)/y
const GARBAGE = /[^\s,]+/y

/** Reads every challenge of a header. What cannot be read is skipped; it never throws. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  let position = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = position
    const match = pattern.exec(header) ?? undefined
    if (match) position = pattern.lastIndex
    return match
  }

  for (take(SEPARATORS); position < header.length; take(SEPARATORS)) {
    const [name] = take(TOKEN) ?? []
    if (name === undefined) {
      take(GARBAGE)
    } else if (take(EQUALS)) {
      const quoted = take(QUOTED)?.[1]?.replaceAll(/\\(.)/gs, '$1')
      const value = quoted ?? take(UNQUOTED)?.[0] ?? ''
      const parameters = challenges.at(-1)?.parameters
      const key = name.toLowerCase()
      if (parameters && !parameters.has(key)) parameters.set(key, value)
    } else {
      challenges.push({ scheme: name.toLowerCase(), parameters: new Map() })
      take(TOKEN68)
    }
  }
  return challenges
}
