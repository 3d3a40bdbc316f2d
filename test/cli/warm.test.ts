import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { shortDigest } from '../../src/cli/format.ts'
import { buildImage, type TestImage } from '../support/images.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { MirrorStage } from './mirror-stage.ts'
import { haveTerminal, onTerminal } from './pseudo-terminal.ts'
import { ENTREPOT } from './run-entrepot.ts'
import { rowsOf } from './tables.ts'

let stage: MirrorStage

beforeAll(async () => {
  stage = await MirrorStage.start()
})

afterAll(() => stage[Symbol.asyncDispose]())

async function publish(name: string): Promise<TestImage> {
  const image = await buildImage({ seed: name })
  stage.hub.add(`library/${name}`, 'latest', image)
  return image
}

describe('warm', () => {
  test('pulls images of the command line and of a file, with a line for each content', async () => {
    const [one] = await Promise.all([publish('one'), publish('two')])
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'images')
    await writeFile(file, '# what is pulled ahead\ntwo\n')
    const { code, stdout, stderr } = await stage.run('warm', 'one', '--from', file)
    expect(code).toBe(0)
    expect(rowsOf(stdout)).toMatchObject([
      { IMAGE: 'docker.io/library/one:latest', STATE: 'whole' },
      { IMAGE: 'docker.io/library/two:latest', STATE: 'whole' },
    ])
    const lines = stderr.trimEnd().split('\n')
    expect(lines).toHaveLength(2 * (one.manifests.size + one.blobs.size))
    expect(lines[0]).toBe(
      `docker.io/library/one:latest: miss manifest ${shortDigest(one.root.digest)} ${one.root.sizeBytes} B`,
    )
  })

  test('fails where an image could not be warmed, and says why', async () => {
    await publish('here')
    const args = ['warm', 'here', 'gone', '--platform', 'linux/amd64']
    const { code, stdout, stderr } = await stage.run(...args)
    expect(code).toBe(1)
    expect(rowsOf(stdout).map(({ STATE }) => STATE)).toEqual(['whole', 'absent'])
    expect(stderr.trimEnd().split('\n').slice(-2)).toEqual([
      'docker.io/library/gone:latest: upstream does not have it',
      'entrepot: 1 of 2 images could not be warmed',
    ])
    const json = await stage.run(...args, '--json')
    expect(json.code).toBe(1)
    expect(JSON.parse(json.stdout)).toMatchObject({
      images: [{ error: null }, { error: { reason: 'absent' } }],
    })
  })

  test.each([
    [[], 'there is no image to warm'],
    [['alpine', '--platform', 'amd64'], 'amd64 is not a platform'],
    [['quay.io/a/b'], 'quay.io is no upstream of this mirror'],
  ])('%j is a wrong call', async (args, message) => {
    const { code, stderr } = await stage.run('warm', ...args)
    expect(code).toBe(64)
    expect(stderr).toContain(message)
  })

  test.runIf(haveTerminal())('has a bar for each layer on a terminal', async () => {
    await publish('slow')
    const slow = stage.hub.fault({ server: 'cdn' }, { kind: 'slow', bytesPerSecond: 20_000 })
    const seen = await onTerminal([...ENTREPOT, 'warm', 'slow', '--admin', stage.adminUrl], {})
    slow.remove()
    expect(seen).toMatch(/\n[0-9a-f]{12} {2}\[[#-]{30}\] {2}\d+ % {2}/)
    expect(seen.slice(seen.lastIndexOf('IMAGE'))).toMatch(
      /docker\.io\/library\/slow:latest .* whole/,
    )
  })
})
