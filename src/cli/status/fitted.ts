/** Text that is too long for its place loses its end, and says so. */
export function fitted(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}

/** Lines of whole words: the first begins with `mark`, the others below what follows it. */
export function wrapped(text: string, mark: string, width: number): string[] {
  const lines: string[] = []
  let line = mark
  for (const word of text.split(' ')) {
    const longer = line.length > mark.length ? `${line} ${word}` : line + word
    if (longer.length > width && line.length > mark.length) {
      lines.push(line)
      line = ' '.repeat(mark.length) + word
    } else {
      line = longer
    }
  }
  return [...lines, line]
}
