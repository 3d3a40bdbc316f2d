import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { RegistryError } from '../oci/registry-error.ts'
import type { BcryptAnswer, BcryptQuestion } from './bcrypt-worker.ts'

const WORKER = new URL(`./bcrypt-worker${extname(import.meta.filename)}`, import.meta.url)

/** About as many as can be checked while a client waits. */
const MAX_WAITING = 32

/**
 * Checks passwords in a thread of its own, one after the other: bcrypt takes a tenth of a second by
 * design, which pulls would have to wait for. The thread starts with the first.
 */
export class PasswordChecker implements AsyncDisposable {
  readonly #waiting = new Map<number, PromiseWithResolvers<boolean>>()
  #worker: Worker | undefined
  #lastId = 0

  /** Throws RegistryError `TOOMANYREQUESTS` where too many wait. */
  async isRight(password: string, hash: string): Promise<boolean> {
    if (this.#waiting.size >= MAX_WAITING) {
      throw new RegistryError('TOOMANYREQUESTS', 'too many logins at once', { retryAfterMs: 2_000 })
    }
    const id = ++this.#lastId
    const answer = Promise.withResolvers<boolean>()
    this.#waiting.set(id, answer)
    this.#worker ??= this.#start()
    this.#worker.postMessage({ id, password, hash } satisfies BcryptQuestion)
    return answer.promise
  }

  /** Those that still wait are rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(WORKER)
    worker.unref()
    worker.on('message', ({ id, isRight }: BcryptAnswer) => {
      this.#waiting.get(id)?.resolve(isRight)
      this.#waiting.delete(id)
    })
    let failure: unknown
    worker.on('error', (error) => (failure = error))
    worker.on('exit', () => {
      this.#worker = undefined
      const error = new Error('the thread that checks passwords has ended', { cause: failure })
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
    })
    return worker
  }
}
