import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { surroundings } from './surroundings.ts'

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface ProcessOptions {
  env?: Record<string, string>
  cwd?: string
  /** Nothing where left out; `open`: what is typed. */
  input?: 'open'
}

/**
 * A process in a group of its own, so that what it starts can be ended with it. Its output is kept.
 * Disposing ends the whole group: SIGTERM, and SIGKILL for what is left after ten seconds.
 */
export class RunningProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly exited: Promise<Exit>
  readonly #chunks: Buffer[] = []
  #exit: Exit | undefined

  constructor(command: readonly string[], options: ProcessOptions = {}) {
    const [file = '', ...args] = command
    this.#child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...surroundings(), ...options.env },
      detached: true,
      stdio: [options.input === 'open' ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#chunks.push(chunk))
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#chunks.push(chunk))
    this.exited = this.#untilClosed()
    // A failed spawn is met by whoever awaits `exited`, which may be later than the failure.
    this.exited.catch(() => {})
  }

  get pid(): number {
    const { pid } = this.#child
    if (pid === undefined) throw new Error(`${this.#child.spawnfile} has not started`)
    return pid
  }

  /** How it ended; undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit
  }

  /** Both output streams, in the order of arrival. */
  get output(): string {
    return Buffer.concat(this.#chunks).toString()
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys)
  }

  /** Signals the whole group; a group that is gone already is no error. */
  kill(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.pid === undefined) return
    this.kill('SIGTERM')
    const timer = setTimeout(() => this.kill('SIGKILL'), 10_000)
    await this.exited
    clearTimeout(timer)
    this.kill('SIGKILL')
  }

  async #untilClosed(): Promise<Exit> {
    const [code, signal] = (await once(this.#child, 'close')) as [Exit['code'], Exit['signal']]
    this.#exit = { code, signal }
    return this.#exit
  }
}

export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
  readonly output: string

  constructor(command: readonly string[], exit: Exit, output: string) {
    super(`${command.join(' ')}: ${exit.signal ?? `exit ${exit.code}`}\n${output}`)
    this.output = output
  }
}

/** Runs a command to its end and returns its output; throws CommandFailed unless it exits with 0. */
export async function run(
  command: readonly string[],
  options: ProcessOptions & { timeoutMs?: number } = {},
): Promise<string> {
  await using child = new RunningProcess(command, options)
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000)
  const exit = await child.exited.finally(() => clearTimeout(timer))
  if (exit.code !== 0) throw new CommandFailed(command, exit, child.output)
  return child.output
}
