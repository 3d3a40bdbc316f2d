import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startHosted } from './hosted-stage.ts'
import { CommandFailed, run } from '../support/processes.ts'
import { haveTools } from '../support/tools.ts'

/** The report stays there for whoever looks into a run. */
const REPORTS = join(import.meta.dirname, '../../build/conformance')

describe.runIf(haveTools('oci-conformance'))(
  'the conformance suite of the distribution spec',
  () => {
    it.each(['1.1', 'dev'])('finds no fault, and skips nothing: version %s', async (version) => {
      await using mirror = await startHosted()
      const folder = join(REPORTS, version)
      await mkdir(folder, { recursive: true })
      const env = {
        OCI_REGISTRY: mirror.host,
        OCI_TLS: 'disabled',
        OCI_REPO1: 'private/conformance/one',
        OCI_REPO2: 'private/conformance/two',
        OCI_VERSION: version,
        OCI_RESULTS_DIR: folder,
        OCI_LOG: 'warn',
      }
      const output = await run(['oci-conformance'], { env }).catch((error: unknown) => {
        if (error instanceof CommandFailed) return error.output
        throw error
      })
      const counts = (name: string) =>
        Number(new RegExp(`^ *${name}\\.+: +(\\d+)$`, 'm').exec(output)?.[1])
      console.info(`${counts('Pass')} passed of ${counts('Total')}`)
      expect([counts('FAIL'), counts('Error'), counts('Skip')], output).toEqual([0, 0, 0])
      expect(counts('Pass')).toBeGreaterThan(800)
      expect(await readFile(join(folder, 'junit.xml'), 'utf8')).toContain('<testsuites')
    })
  },
)
