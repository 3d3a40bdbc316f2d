import { parentPort } from 'node:worker_threads'
import { compareSync } from 'bcryptjs'

/** A password to check against a hash. */
export interface BcryptQuestion {
  id: number
  password: string
  hash: string
}

export interface BcryptAnswer {
  id: number
  isRight: boolean
}

parentPort?.on('message', ({ id, password, hash }: BcryptQuestion) => {
  parentPort?.postMessage({ id, isRight: compareSync(password, hash) } satisfies BcryptAnswer)
})
