const CTRL_C = '\u0003'

/** Aborted when somebody asks to end: with `q` or Ctrl-C at the terminal, or by a signal. */
export class QuitKey implements Disposable {
  readonly #quit = new AbortController()
  readonly #input = process.stdin
  readonly #end = () => this.#quit.abort()
  readonly #read = (keys: Buffer) => {
    const text = keys.toString()
    if (text.includes('q') || text.includes(CTRL_C)) this.#end()
  }

  constructor() {
    process.on('SIGINT', this.#end)
    process.on('SIGTERM', this.#end)
    if (!this.#input.isTTY) return
    // Each key at once; Ctrl-C is then one of them.
    this.#input.setRawMode(true)
    this.#input.on('data', this.#read)
  }

  get signal(): AbortSignal {
    return this.#quit.signal
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#end)
    process.off('SIGTERM', this.#end)
    if (!this.#input.isTTY) return
    this.#input.off('data', this.#read)
    this.#input.setRawMode(false)
    this.#input.pause()
  }
}
