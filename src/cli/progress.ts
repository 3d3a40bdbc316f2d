import type { WorkProgress } from '../admin-api.ts'
import { amountText, shortDigest } from './format.ts'

/** What of a stream to the terminal, or to a file or pipe, progress needs. */
export interface ProgressStream {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

/** Shows how far work has come, until it is ended. */
export interface ProgressView {
  show(progress: WorkProgress): void
  end(): void
}

/** A bar that is drawn over itself on a terminal; elsewhere a line for each step. */
export function progressView(title: string, stream: ProgressStream): ProgressView {
  return stream.isTTY ? new ProgressBar(title, stream) : new ProgressLines(title, stream)
}

const BAR_WIDTH = 30
const CLEAR_LINE = '\r\u001B[K'
const CLEAR_BELOW = '\u001B[J'

/** With a bar for each part that is under way below that of the whole. */
class ProgressBar implements ProgressView {
  readonly #title: string
  readonly #stream: ProgressStream
  /** Lines that are drawn below the first. */
  #below = 0

  constructor(title: string, stream: ProgressStream) {
    this.#title = title
    this.#stream = stream
  }

  show({ parts = [], ...whole }: WorkProgress): void {
    const lines = [barText(this.#title, whole)]
    for (const { digest, done, total } of parts) {
      lines.push(barText(shortDigest(digest), { done, total, unit: 'bytes' }))
    }
    // One that wraps could not be drawn over. Some terminals do not know how wide they are.
    const width = (this.#stream.columns || 80) - 1
    this.#stream.write(this.#wipe() + lines.map((line) => line.slice(0, width)).join('\n'))
    this.#below = parts.length
  }

  end(): void {
    this.#stream.write(this.#wipe())
    this.#below = 0
  }

  #wipe(): string {
    return this.#below > 0 ? `\r\u001B[${this.#below}A${CLEAR_BELOW}` : CLEAR_LINE
  }
}

/** Steps of a tenth; where the end is not known, of what is ten times the last. */
class ProgressLines implements ProgressView {
  readonly #title: string
  readonly #stream: ProgressStream
  #step: number | undefined

  constructor(title: string, stream: ProgressStream) {
    this.#title = title
    this.#stream = stream
  }

  show(progress: WorkProgress): void {
    const part = partOf(progress)
    const step = Math.floor(part === undefined ? Math.log10(progress.done + 1) : part * 10)
    if (step === this.#step) return
    this.#step = step
    this.#stream.write(`${this.#title}: ${progressText(progress)}\n`)
  }

  end(): void {}
}

function barText(title: string, progress: WorkProgress): string {
  const part = partOf(progress)
  const filled = Math.floor((part ?? 0) * BAR_WIDTH)
  const bar = part === undefined ? '' : `[${'#'.repeat(filled).padEnd(BAR_WIDTH, '-')}]  `
  return `${title}  ${bar}${progressText(progress)}`
}

function partOf({ done, total }: WorkProgress): number | undefined {
  if (total === null) return undefined
  return total > 0 ? Math.min(1, done / total) : 1
}

function progressText(progress: WorkProgress): string {
  const { done, total, unit } = progress
  const part = partOf(progress)
  if (part === undefined || total === null) return amountText(done, unit)
  return `${Math.floor(part * 100)} %  ${amountText(done, unit)} of ${amountText(total, unit)}`
}
