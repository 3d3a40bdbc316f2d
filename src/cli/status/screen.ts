import { styleText } from 'node:util'
import { print } from '../output.ts'
import type { StatusLine } from './status-text.ts'

const STYLES = { good: 'green', bad: 'red', title: 'bold', plain: 'reset' } as const

/** What fits a terminal as wide as they have been since punched cards. */
const WIDTH = 80

/** How wide lines may be: no more than 80 columns, and no more than a terminal has. */
export function widthOf({ isTTY, columns }: NodeJS.WriteStream): number {
  // Some terminals do not know how large they are.
  return isTTY ? Math.min(columns || WIDTH, WIDTH) : WIDTH
}

/** Shows what is told again and again. */
export interface Screen {
  show(lines: readonly StatusLine[]): void
}

/** Over itself on a terminal; elsewhere one after the other, with a blank line between. */
export function screenOn(stream: NodeJS.WriteStream): Screen {
  return stream.isTTY ? new TerminalScreen(stream) : new Blocks()
}

/** In color where the terminal has it and `NO_COLOR` is not set. */
export function printLines(lines: readonly StatusLine[]): void {
  for (const line of lines) print(styled(line, process.stdout))
}

function styled({ text, tone }: StatusLine, stream: NodeJS.WriteStream): string {
  return tone === 'plain' ? text : styleText(STYLES[tone], text, { stream })
}

class TerminalScreen implements Screen {
  readonly #stream: NodeJS.WriteStream
  #drawn = 0

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  show(lines: readonly StatusLine[]): void {
    // What has left the screen, or has wrapped, could not be drawn over.
    const width = widthOf(this.#stream)
    const height = (this.#stream.rows || Infinity) - 1
    const shown = lines.slice(0, height)
    const up = this.#drawn > 0 ? `\u001B[${this.#drawn}A` : ''
    const text = shown.map(({ text: whole, tone }) =>
      styled({ text: whole.slice(0, width), tone }, this.#stream),
    )
    this.#stream.write(`${up}\r${text.map((line) => `${line}\u001B[K\n`).join('')}\u001B[J`)
    this.#drawn = shown.length
  }
}

class Blocks implements Screen {
  #isFirst = true

  show(lines: readonly StatusLine[]): void {
    if (!this.#isFirst) print('')
    this.#isFirst = false
    printLines(lines)
  }
}
