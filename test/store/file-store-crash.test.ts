import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { digestOf, parseDigest } from '../../src/oci/digest.ts'
import { bytesIn, statsOf } from '../support/blobs.ts'
import { eventually } from '../support/eventually.ts'
import { fileStore } from '../support/file-store.ts'
import { RunningProcess } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const script = join(import.meta.dirname, 'put-until-killed.process.ts')

describe('a file store whose process is killed', () => {
  // Each instant is some milliseconds after the first blob: in the middle of anything.
  for (const instantMs of [0, 1, 3, 7, 12, 20, 33, 50]) {
    it(`has all that was acknowledged and nothing partial, ${instantMs} ms in`, async () => {
      await using folder = await temporaryFolder()
      const said = await putUntilKilled(folder.path, instantMs)
      await using files = await fileStore(folder.path)
      const stats = await statsOf(files.store)
      for (const stat of stats) {
        expect(digestOf((await bytesIn(files.store, stat))!)).toBe(stat.digest)
      }
      const held = new Set(stats.map(({ digest }) => digest))
      for (const digest of said) expect(held).toContain(digest)
      expect(said.length).toBeGreaterThan(0)
      expect(await readdir(join(folder.path, 'spool'))).toEqual([])
    })
  }
})

async function putUntilKilled(folder: string, instantMs: number): Promise<string[]> {
  await using writer = new RunningProcess([process.execPath, script, folder, String(instantMs)])
  await eventually('a first blob is put', () => writer.output.includes('\n'))
  await sleep(instantMs)
  writer.kill('SIGKILL')
  await writer.exited
  return writer.output.split('\n').filter((line) => parseDigest(line) !== undefined)
}
