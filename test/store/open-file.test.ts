import { constants } from 'node:fs'
import { expect, it } from 'vitest'
import { openFile } from '../../src/store/open-file.ts'
import { caught } from '../support/caught.ts'

// Nothing is mapped at the start of a process, so that reading it fails as a broken sector does.
const BROKEN = '/proc/self/mem'

it('calls bytes that the disk does not give back corrupt', async ({ skip }) => {
  skip(process.platform !== 'linux', 'there is no file that is broken on purpose')
  await using file = await openFile(BROKEN, constants.O_RDONLY)
  expect(await caught(file!.read(Buffer.alloc(10), 10, 0))).toMatchObject({
    name: 'StoreError',
    kind: 'corrupt',
    cause: { code: 'EIO' },
  })
})
