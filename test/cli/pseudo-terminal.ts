import { execFileSync } from 'node:child_process'
import { RunningProcess } from '../support/processes.ts'

/** Whether `script` of util-linux is there; where not, says so, and in CI throws. */
export function haveTerminal(): boolean {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux')
  } catch {
    if (process.env['CI'] === 'true') throw new Error('tests on a terminal need bsdutils: script')
    console.warn('SKIPPED: tests on a terminal need bsdutils (for script)')
    return false
  }
}

/** Runs a command on a pseudo-terminal to its end; returns all that would be seen there. */
export async function onTerminal(
  command: readonly string[],
  env: Record<string, string>,
): Promise<string> {
  await using child = new RunningProcess(scripted(command), { env })
  await child.exited
  return child.output
}

/** A command on a pseudo-terminal, which keys may be typed at. */
export function atTerminal(
  command: readonly string[],
  env: Record<string, string>,
): RunningProcess {
  return new RunningProcess(scripted(command), { env, input: 'open' })
}

/** The terminal has colors. */
function scripted(command: readonly string[]): string[] {
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
  return ['env', 'TERM=xterm-256color', 'script', '-qec', quoted, '/dev/null']
}
