export interface Glob {
  test(text: string): boolean
}

/**
 * What a pattern matches: `*` stands for anything without a `/`, `**` for anything, all else for
 * itself. No text takes longer than its length times the wildcards: a regular expression with five
 * of them needs seconds for a name that somebody has made up for it.
 */
export function globPattern(glob: string): Glob {
  const parts = glob.split(/(\*\*|\*)/).filter(Boolean)
  return { test: (text) => parts.reduce(advance(text), [0]).includes(text.length) }
}

/** From where the parts so far may end, in order, to where they may end with one more. */
function advance(text: string): (ends: readonly number[], part: string) => number[] {
  return (ends, part) => {
    if (part !== '*' && part !== '**') {
      return ends.filter((end) => text.startsWith(part, end)).map((end) => end + part.length)
    }
    const next: number[] = []
    for (const end of ends) {
      const stop = part === '**' ? text.length : endOfSegment(text, end)
      // Those before it may have come as far already.
      for (let at = Math.max(end, (next.at(-1) ?? -1) + 1); at <= stop; at++) next.push(at)
    }
    return next
  }
}

function endOfSegment(text: string, start: number): number {
  const slash = text.indexOf('/', start)
  return slash < 0 ? text.length : slash
}
