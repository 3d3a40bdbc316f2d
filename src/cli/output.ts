/** For people. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** For programs. */
export function printJson(value: unknown): void {
  print(jsonOf(value, 2))
}

/** For programs that read one value after the other. */
export function printLine(value: unknown): void {
  print(jsonOf(value, 0))
}

/** There is no JSON of what an answer lacks. */
function jsonOf(value: unknown, indent: number): string {
  const text = JSON.stringify(value, undefined, indent) as string | undefined
  if (text === undefined) throw new TypeError('there is nothing to print')
  return text
}

export function printError(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Lines of two columns, the second of which begins at the same place in all of them. */
export function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([first]) => first.length))
  return rows.map(([first, second]) => `${first.padEnd(width)}  ${second}`.trimEnd()).join('\n')
}
