import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { describe, expect, it } from 'vitest'
import { PUSHED_BY_ALL, startHosted } from './hosted-stage.ts'
import { CommandFailed, run } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { haveTools } from '../support/tools.ts'

/** The report stays there for whoever looks into a run. */
const REPORTS = join(import.meta.dirname, '../../build/conformance')

describe.runIf(haveTools('oci-conformance'))(
  'the conformance suite of the distribution spec',
  () => {
    it.each([
      ['1.1', 'without logins'],
      ['dev', 'without logins'],
      ['1.1', 'with logins'],
    ])('finds no fault, and skips nothing: version %s %s', async (version, logins) => {
      const withLogins = logins === 'with logins'
      await using users = await temporaryFolder()
      const htpasswd = join(users.path, 'users')
      await writeFile(htpasswd, `ci:${hashSync('secret', 10)}\n`)
      const auth = { anonymous: [], htpasswd }
      await using mirror = await (withLogins
        ? startHosted({ ...PUSHED_BY_ALL, auth })
        : startHosted())
      const folder = join(REPORTS, withLogins ? `${version}-logins` : version)
      await mkdir(folder, { recursive: true })
      const env = {
        OCI_REGISTRY: mirror.host,
        OCI_TLS: 'disabled',
        OCI_REPO1: 'private/conformance/one',
        OCI_REPO2: 'private/conformance/two',
        OCI_VERSION: version,
        OCI_RESULTS_DIR: folder,
        OCI_LOG: 'warn',
        ...(withLogins && { OCI_USERNAME: 'ci', OCI_PASSWORD: 'secret' }),
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
