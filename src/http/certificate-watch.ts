import { readFile } from 'node:fs/promises'
import type { CertificateEvents } from '../telemetry/certificate-events.ts'
import type { Clock } from '../util/clock.ts'
import type { KeyPair } from './tls-server.ts'

export interface CertificateWatchOptions {
  /** Paths. */
  files: KeyPair
  /** What is in use. */
  pair: KeyPair
  /** Takes a pair for new connections; throws where it is none. */
  use: (pair: KeyPair) => void
  clock: Clock
  events: CertificateEvents
}

const LOOK_EVERY_MS = 10_000

/** Looks for a new certificate, and keeps the old one where the new cannot be used. */
export class CertificateWatch implements AsyncDisposable {
  readonly #options: CertificateWatchOptions
  readonly #end = new AbortController()
  readonly #running: Promise<void>
  #pair: KeyPair
  /** What has been told already. */
  #refused: string | undefined

  constructor(options: CertificateWatchOptions) {
    this.#options = options
    this.#pair = options.pair
    this.#running = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#end
    const { clock } = this.#options
    while (!signal.aborted) {
      const isOver = await clock.sleep(LOOK_EVERY_MS, signal).then(
        () => false,
        () => true,
      )
      if (!isOver) await this.#look()
    }
  }

  async #look(): Promise<void> {
    const { files, use, events } = this.#options
    let pair: KeyPair | undefined
    try {
      const [cert, key] = await Promise.all([
        readFile(files.cert, 'utf8'),
        readFile(files.key, 'utf8'),
      ])
      pair = { cert, key }
      if (cert === this.#pair.cert && key === this.#pair.key) {
        this.#refused = undefined
        return
      }
      use(pair)
      this.#pair = pair
      this.#refused = undefined
      events.renewed({ file: files.cert })
    } catch (error) {
      const refused = JSON.stringify([pair, String(error)])
      if (refused !== this.#refused) events.kept({ file: files.cert, error })
      this.#refused = refused
    }
  }
}
