import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { ENTREPOT } from './run-entrepot.ts'

const [node, main] = ENTREPOT

test('who has no reader any more ends without a word', async () => {
  const command = spawn(node, [main, 'config', 'schema'], { stdio: ['ignore', 'pipe', 'pipe'] })
  command.stdout.destroy()
  const [told, [code]] = await Promise.all([text(command.stderr), once(command, 'close')])
  expect({ code: code as unknown, told }).toEqual({ code: 141, told: '' })
})

test('what cannot be written is told in one line', async () => {
  const full = openSync('/dev/full', 'w')
  const command = spawn(node, [main, 'config', 'schema'], { stdio: ['ignore', full, 'pipe'] })
  closeSync(full)
  const [told, [code]] = await Promise.all([text(command.stderr!), once(command, 'close')])
  expect({ code: code as unknown, told }).toEqual({
    code: 1,
    told: 'entrepot: ENOSPC: no space left on device, write\n',
  })
})
