import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { format, inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Secret, secretReader } from '../../src/config/secret.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

describe('a secret', () => {
  const secret = new Secret('hunter2')

  test('shows itself only when asked to', () => {
    expect(secret.reveal()).toBe('hunter2')
    for (const text of [
      String(secret),
      `text ${secret.toString()}`,
      JSON.stringify({ secret }),
      inspect({ secret }, { showHidden: true, depth: 9 }),
      format('%s %o %j', secret, secret, secret),
      JSON.stringify(Object.entries(secret)),
    ]) {
      expect(text).not.toContain('hunter2')
    }
  })
})

describe('reading a secret', () => {
  const read = secretReader({ HUB_TOKEN: 'hunter2', EMPTY: '' })

  test('takes it from a variable', async () => {
    expect((await read('${env:HUB_TOKEN}')).reveal()).toBe('hunter2')
  })

  test('takes it as it stands', async () => {
    expect((await read('hunter2 $HUB_TOKEN')).reveal()).toBe('hunter2 $HUB_TOKEN')
  })

  test('takes it from a file, without the newline at its end', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'token')
    await writeFile(file, ' hunter2 \n')
    expect((await read({ file })).reveal()).toBe(' hunter2 ')
  })

  test.each([
    ['${env:NOT_SET}', 'the environment variable NOT_SET is not set'],
    ['${env:EMPTY}', 'the environment variable EMPTY is not set'],
    ['${HUB_TOKEN}', 'expected ${env:NAME}'],
    ['${env:}', 'expected ${env:NAME}'],
    ['[secret]', '[secret] is what a printed config shows instead'],
  ])('refuses %s', async (source, message) => {
    await expect(read(source)).rejects.toThrow(message)
  })

  test('refuses a file that is not there, or empty', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'token')
    await expect(read({ file })).rejects.toThrow(`cannot read ${file} (ENOENT)`)
    await writeFile(file, '\n')
    await expect(read({ file })).rejects.toThrow(`${file} is empty`)
  })
})
