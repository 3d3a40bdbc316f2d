import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readImageList } from '../../src/cli/image-list.ts'
import { caught } from '../support/caught.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function read(text: string): Promise<string[]> {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'images')
  await writeFile(file, text)
  return await readImageList(file)
}

test('an image a line, with comments and empty lines', async () => {
  const text = '# the usual\nnode:22\n\n  ghcr.io/owner/app  # with blanks\r\nalpine'
  expect(await read(text)).toEqual(['node:22', 'ghcr.io/owner/app', 'alpine'])
  expect(await read('')).toEqual([])
})

test('every line that names no image is told', async () => {
  const { name, message } = (await caught(read('node\n# a b\na b\nalpine\nNode'))) as Error
  expect(name).toBe('UsageError')
  expect(message.split('\n')).toEqual([
    expect.stringMatching(/images:3: a b: expected the name of an image/),
    expect.stringMatching(/images:5: Node: expected the name of an image/),
  ])
})
