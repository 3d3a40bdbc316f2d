import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { TestContext } from 'vitest'
import { temporaryFolder } from './temporary-folder.ts'

const execute = promisify(execFile)

export interface SmallDiskOptions {
  sizeBytes: number
  /** How many files and folders fit. */
  maxFiles?: number
}

/** A real file system that is soon full; skips the test, with the reason, where none can be mounted. */
export async function smallDisk(
  context: TestContext,
  { sizeBytes, maxFiles = 1_000 }: SmallDiskOptions,
): Promise<AsyncDisposable & { path: string }> {
  const folder = await temporaryFolder()
  const options = `size=${sizeBytes},nr_inodes=${maxFiles}`
  try {
    await execute('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder.path])
  } catch (cause) {
    await folder[Symbol.asyncDispose]()
    const reason = `cannot mount a small disk: ${cause instanceof Error ? cause.message : 'failed'}`
    console.warn(`SKIPPED ${context.task.name}: ${reason}`)
    context.skip(reason)
  }
  return {
    path: folder.path,
    async [Symbol.asyncDispose]() {
      await execute('umount', [folder.path])
      await folder[Symbol.asyncDispose]()
    },
  }
}
