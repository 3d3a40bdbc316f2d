import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Half of what V8 lets come, after it was idle, before it marks the whole heap. */
const COLLECT_AFTER_BYTES = 4 * 1024 * 1024

let collectYoung: NodeJS.GCFunction | undefined
let uncollectedBytes = 0

/**
 * To be called with the length of each buffer that was received and is not kept. Frees such buffers
 * from time to time, which takes less than a millisecond. See docs/decisions/0022.
 */
export function countReceived(bytes: number): void {
  uncollectedBytes += bytes
  if (uncollectedBytes < COLLECT_AFTER_BYTES) return
  uncollectedBytes = 0
  collectYoung ??= exposedCollector()
  collectYoung({ type: 'minor' })
}

/** Node.js only gives it to programs that were started with the flag, or to a context that is made after it was set. */
function exposedCollector(): NodeJS.GCFunction {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as NodeJS.GCFunction
}
