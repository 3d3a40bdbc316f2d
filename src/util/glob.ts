/** What a pattern matches: `*` stands for anything without a `/`, `**` for anything, all else for itself. */
export function globPattern(glob: string): RegExp {
  const parts = glob.split(/(\*\*|\*)/).map((part) => WILDCARDS[part] ?? escaped(part))
  return new RegExp(`^${parts.join('')}$`)
}

const WILDCARDS: Readonly<Record<string, string>> = { '*': '[^/]*', '**': '.*' }

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
