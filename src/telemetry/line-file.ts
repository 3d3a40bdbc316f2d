import { type FileHandle, open } from 'node:fs/promises'
import type { Clock } from '../util/clock.ts'
import type { AuditEvents } from './audit-events.ts'

const WRITE_AFTER_MS = 100
const RETRY_AFTER_MS = 1_000
const MAX_WAITING_BYTES = 16 * 1024 * 1024
const NEWLINE = 0x0a

/** The group of the file may read it, which is whoever collects logs. */
const FILE_MODE = 0o640

export interface LineFileOptions {
  path: string
  clock: Clock
  events: AuditEvents
}

/**
 * A file that lines are appended to, in the order of `write`, which never waits: a line is in the
 * file a tenth of a second later. While the file cannot be written, 16 MiB of lines wait; those
 * after them are lost and counted. A line that was written in part is written on, or whole into
 * the next file, so that none is lost to its beginning.
 */
export class LineFile implements AsyncDisposable {
  readonly #options: LineFileOptions
  readonly #stop = new AbortController()
  #file: OpenFile
  #waiting: string[] = []
  /** Of the block too. */
  #waitingBytes = 0
  /** What is being written, and how much of it is in the file. */
  #block = Buffer.alloc(0)
  #writtenBytes = 0
  #isReopenDue = false
  #isFailing = false
  #work: Promise<void> | undefined

  /** Makes the file where it is missing. Rejects with the system's error. */
  static async open(options: LineFileOptions): Promise<LineFile> {
    return new LineFile(options, await openAtEnd(options.path))
  }

  private constructor(options: LineFileOptions, file: OpenFile) {
    this.#options = options
    this.#file = file
  }

  /** Whether lines wait because they cannot be written. */
  get isFailing(): boolean {
    return this.#isFailing
  }

  write(line: string): void {
    const text = `${line}\n`
    const bytes = Buffer.byteLength(text)
    if (this.#waitingBytes + bytes > MAX_WAITING_BYTES) {
      this.#options.events.lost(1)
      return
    }
    this.#waiting.push(text)
    this.#waitingBytes += bytes
    this.#begin()
  }

  /** What follows goes into the file that has the path then: the one so far was moved away. */
  reopen(): void {
    this.#isReopenDue = true
    this.#begin()
  }

  /** Writes what waits, if that can be done. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#work
    // What came while the last were being written.
    if (this.#hasWork) await this.#attempt()
    const lostLines = linesIn(this.#block.subarray(this.#writtenBytes)) + this.#waiting.length
    this.#options.events.lost(lostLines)
    await this.#file.handle.close()
  }

  #begin(): void {
    if (this.#stop.signal.aborted) return
    this.#work ??= this.#run().finally(() => (this.#work = undefined))
  }

  async #run(): Promise<void> {
    do {
      await this.#pause(this.#isFailing ? RETRY_AFTER_MS : WRITE_AFTER_MS)
      await this.#attempt()
    } while (this.#hasWork && !this.#stop.signal.aborted)
  }

  get #hasWork(): boolean {
    return this.#isFailing || this.#isReopenDue || this.#waiting.length > 0
  }

  /** Ends at once when the last lines are to be written. */
  async #pause(ms: number): Promise<void> {
    const { signal } = this.#stop
    if (signal.aborted) return
    try {
      await this.#options.clock.sleep(ms, signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  /** A file that cannot be opened again does not keep lines from the one that is open. */
  async #attempt(): Promise<void> {
    const failures: unknown[] = []
    for (const step of [() => this.#reopenWhereDue(), () => this.#writeLines()]) {
      await step().catch((error: unknown) => failures.push(error))
    }
    const isFailing = failures.length > 0
    if (isFailing === this.#isFailing) return
    this.#isFailing = isFailing
    this.#options.events.changed({ path: this.#options.path, isFailing, error: failures[0] })
  }

  async #reopenWhereDue(): Promise<void> {
    if (!this.#isReopenDue) return
    const former = this.#file
    this.#file = await openAtEnd(this.#options.path)
    this.#isReopenDue = false
    this.#writtenBytes = startOfLine(this.#block, this.#writtenBytes)
    await former.handle.close()
  }

  async #writeLines(): Promise<void> {
    if (this.#writtenBytes === this.#block.length) {
      this.#block = Buffer.from(this.#waiting.join(''))
      this.#writtenBytes = 0
      this.#waiting = []
    }
    const { handle } = this.#file
    if (this.#file.isCutOff) await handle.write('\n')
    this.#file.isCutOff = false
    while (this.#writtenBytes < this.#block.length) {
      const { bytesWritten } = await handle.write(this.#block, this.#writtenBytes)
      this.#writtenBytes += bytesWritten
    }
    this.#waitingBytes -= this.#block.length
    this.#options.events.written(linesIn(this.#block))
    this.#block = Buffer.alloc(0)
    this.#writtenBytes = 0
  }
}

interface OpenFile {
  handle: FileHandle
  /** Its last line has no end, as a killed process may leave it. */
  isCutOff: boolean
}

async function openAtEnd(path: string): Promise<OpenFile> {
  const handle = await open(path, 'a+', FILE_MODE)
  try {
    const { size } = await handle.stat()
    const { buffer } = await handle.read({
      buffer: Buffer.alloc(1),
      position: Math.max(0, size - 1),
    })
    return { handle, isCutOff: size > 0 && buffer[0] !== NEWLINE }
  } catch (error) {
    await handle.close()
    throw error
  }
}

function linesIn(block: Buffer): number {
  let lines = 0
  for (let at = block.indexOf(NEWLINE); at >= 0; at = block.indexOf(NEWLINE, at + 1)) lines++
  return lines
}

/** Of the line that a position is in. */
function startOfLine(block: Buffer, position: number): number {
  return position === 0 ? 0 : block.lastIndexOf(NEWLINE, position - 1) + 1
}
