import { print } from './output.ts'

export interface Column<Row> {
  title: string
  /** Numbers stand at the right, so that they can be compared. */
  align: 'left' | 'right'
  text: (row: Row) => string
}

/** Rows are printed so many at a time; there may be a million. */
const ROWS_AT_ONCE = 500

/** Rows in columns, whose widths only grow from one part of a long table to the next. */
export class Table<Row> {
  readonly #columns: readonly Column<Row>[]
  readonly #widths: number[]
  readonly #lines: string[][]
  readonly #print: (lines: string) => void

  constructor(columns: readonly Column<Row>[], to = print) {
    this.#print = to
    this.#columns = columns
    this.#widths = columns.map(() => 0)
    this.#lines = [columns.map(({ title }) => title)]
  }

  add(row: Row): void {
    this.#lines.push(this.#columns.map(({ text }) => text(row)))
    if (this.#lines.length >= ROWS_AT_ONCE) this.end()
  }

  /** Prints what has not been printed. */
  end(): void {
    for (const line of this.#lines) {
      for (const [index, text] of line.entries()) {
        this.#widths[index] = Math.max(this.#widths[index] ?? 0, text.length)
      }
    }
    if (this.#lines.length > 0)
      this.#print(this.#lines.map((line) => this.#lineOf(line)).join('\n'))
    this.#lines.length = 0
  }

  #lineOf(texts: readonly string[]): string {
    const cells = this.#columns.map(({ align }, index) => {
      const [text = '', width = 0] = [texts[index], this.#widths[index]]
      return align === 'right' ? text.padStart(width) : text.padEnd(width)
    })
    return cells.join('  ').trimEnd()
  }
}

/** A table that is short, title and all. */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const lines: string[] = []
  const table = new Table(columns, (text) => lines.push(...text.split('\n')))
  for (const row of rows) table.add(row)
  table.end()
  return lines
}
