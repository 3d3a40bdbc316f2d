import { encodedOf } from '../../src/oci/digest.ts'
import type { TestImage } from '../support/images.ts'

/** Rows of a printed table by the titles of its columns; no cell may be empty but the last. */
export function rowsOf(table: string): Record<string, string>[] {
  const [head = '', ...lines] = table.trimEnd().split('\n')
  const titles = head.split(/ {2,}/)
  return lines.map((line) => {
    const cells = line.trim().split(/ {2,}/)
    return Object.fromEntries(titles.map((title, index) => [title, cells[index] ?? '']))
  })
}

/** As tables show its digest. */
export function shortDigestOf({ root }: TestImage): string {
  return encodedOf(root.digest).slice(0, 12)
}
