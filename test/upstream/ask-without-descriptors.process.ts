import { closeSync, openSync } from 'node:fs'
import { askProgram } from '../../src/upstream/credential-program.ts'

/** Asks a credential helper when the process has no descriptor left; prints how that fails. */
const taken: number[] = []
const { signal } = new AbortController()
try {
  for (;;) taken.push(openSync('/dev/null', 'r'))
} catch {
  // Until there are no more.
}
const asking = askProgram({ helper: 'test', server: 'registry', timeoutMs: 10_000, signal })
const [outcome] = await Promise.allSettled([asking])
for (const descriptor of taken) closeSync(descriptor)
process.stdout.write(outcome.status === 'rejected' ? String(outcome.reason) : 'answered')
