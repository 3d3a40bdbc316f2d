import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { surroundings } from '../support/surroundings.ts'

export const ENTREPOT = [
  process.execPath,
  fileURLToPath(new URL('../../src/main.ts', import.meta.url)),
] as const

export interface Ended {
  code: number | string
  stdout: string
  stderr: string
}

/** Runs the real command to its end. */
export function runEntrepot(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const [node, main] = ENTREPOT
  return new Promise((resolve) => {
    execFile(
      node,
      [main, ...args],
      { env: { ...surroundings(), ...env }, timeout: 15_000 },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }),
    )
  })
}
