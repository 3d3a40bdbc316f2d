import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { describe, expect, it } from 'vitest'
import { buildArtifact, SBOM_TYPE } from '../support/artifacts.ts'
import { startFakeHub } from '../support/fake-hub/fake-hub.ts'
import { buildImage, buildIndex } from '../support/images.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { CommandFailed, run } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { haveTools } from '../support/tools.ts'
import { PUSHED_BY_ALL, startHosted } from './hosted-stage.ts'

/** The report stays there for whoever looks into a run. */
const REPORTS = join(import.meta.dirname, '../../build/conformance')

/** What the suite has looked at; the rest is what it was told to leave out. */
interface Counts {
  passed: number
  total: number
}

/** Runs the suite, which is to find no fault and to skip nothing. */
async function conformance(
  { host }: MirrorProcess,
  report: string,
  settings: Record<string, string>,
): Promise<Counts> {
  const folder = join(REPORTS, report)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const env = {
    OCI_REGISTRY: host,
    OCI_TLS: 'disabled',
    OCI_RESULTS_DIR: folder,
    OCI_LOG: 'warn',
    ...settings,
  }
  const output = await run(['oci-conformance'], { env }).catch((error: unknown) => {
    if (error instanceof CommandFailed) return error.output
    throw error
  })
  // With what is only read the suite ends in a panic before it writes its own reports.
  await writeFile(join(folder, 'report.txt'), output)
  const counts = (name: string) =>
    Number(new RegExp(`^ *${name}\\.+: +(\\d+)$`, 'm').exec(output)?.[1])
  const [passed, total] = [counts('Pass'), counts('Total')]
  console.info(`${report}: ${passed} passed of ${total}`)
  expect([counts('FAIL'), counts('Error'), counts('Skip')], output).toEqual([0, 0, 0])
  return { passed, total }
}

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
      const name = withLogins ? `${version}-logins` : version
      const { passed, total } = await conformance(mirror, name, {
        OCI_VERSION: version,
        // By 1.1 a registry need not let a client give up an upload.
        OCI_API_BLOBS_UPLOAD_CANCEL: 'true',
        OCI_REPO1: 'private/conformance/one',
        OCI_REPO2: 'private/conformance/two',
        ...(withLogins && { OCI_USERNAME: 'ci', OCI_PASSWORD: 'secret' }),
      })
      expect(passed).toBe(total)
      expect(total).toBeGreaterThan(800)
      // It writes none of what it only reads.
      const report = await readFile(join(REPORTS, name, 'junit.xml'), 'utf8')
      expect(report).toContain('<testsuites')
    })

    it('finds no fault with what is mirrored either', async () => {
      const repository = 'library/conformance'
      const one = await buildImage({ seed: 'conformance/one' })
      const two = await buildImage({ seed: 'conformance/two', format: 'docker' })
      const index = buildIndex({ amd64: one, arm64: await buildImage({ seed: 'conformance/arm' }) })
      const sbom = buildArtifact({ subject: one.root, artifactType: SBOM_TYPE })
      await using hub = await startFakeHub({ referrersPerPage: 10 })
      hub.add(repository, 'index', index)
      hub.add(repository, 'image', two)
      hub.addUntagged(repository, sbom)
      await using mirror = await MirrorProcess.start({ upstreamUrl: hub.url })
      const images = [index, two, sbom]
      const { passed } = await conformance(mirror, 'mirror', {
        OCI_VERSION: '1.1',
        OCI_REPO1: repository,
        OCI_API_PUSH: 'false',
        OCI_API_BLOBS_DELETE: 'false',
        OCI_API_MANIFESTS_DELETE: 'false',
        OCI_API_TAGS_DELETE: 'false',
        OCI_RO_DATA_TAGS: 'index image',
        OCI_RO_DATA_MANIFESTS: images.flatMap(({ manifests }) => [...manifests.keys()]).join(' '),
        OCI_RO_DATA_BLOBS: images.flatMap(({ blobs }) => [...blobs.keys()]).join(' '),
        OCI_RO_DATA_REFERRERS: one.root.digest,
      })
      expect(passed).toBeGreaterThan(40)
    })
  },
)
