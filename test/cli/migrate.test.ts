import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { runEntrepot } from './run-entrepot.ts'

describe('migrate', () => {
  test.each([
    [['--from', 'file', '--to', 'file'], '--from and --to are both file'],
    [['--from', 'file', '--to', 'tape'], 'Allowed choices are file, s3'],
    [['--from', 'file'], "required option '--to <store>' not specified"],
    [['--from', 's3', '--to', 'file'], 'names no bucket: store.type has to be s3'],
  ])('is refused with 64: %j', async (args, message) => {
    const { code, stdout, stderr } = await runEntrepot(['migrate', ...args])
    expect(code).toBe(64)
    expect(stdout).toBe('')
    expect(stderr).toContain(message)
  })

  test('tells what is wrong with the bucket', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'm.yml')
    const keys = 'accessKeyId: a, secretAccessKey: b, forcePathStyle: true'
    const store = `{ type: s3, bucket: images, endpoint: "http://127.0.0.1:1", ${keys} }`
    await writeFile(file, `data: ${folder.path}\nstore: ${store}\n`)
    const args = ['--from', 'file', '--to', 's3', '--config', file]
    const { code, stderr } = await runEntrepot(['migrate', ...args])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^entrepot: cannot use the bucket images: .*ECONNREFUSED/)
  })
})
