import { execFileSync } from 'node:child_process'
import { link, open, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { PasswordFile } from '../../src/auth/password-file.ts'
import { LoginEvents } from '../../src/telemetry/login-events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const HASH = `$2b$10$${'a'.repeat(53)}`

test('what was read late does not come back over what was read since', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'users')
  await writeFile(path, `first:${HASH}\n`)
  const clock = new FakeClock()
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: (line) => void lines.push(line) })
  const file = await PasswordFile.open({
    path,
    clock,
    events: new LoginEvents(logger, new Metrics()),
  })
  const users = async () => [...(await file.entries()).keys()]
  // Whoever opens a pipe to read waits for a writer, and the writer for a reader.
  const pipe = join(folder.path, 'pipe')
  execFileSync('mkfifo', [`${path}.new`])
  await link(`${path}.new`, pipe)
  await rename(`${path}.new`, path)
  clock.advance(1_000)
  const late = users()
  const writer = await open(pipe, 'w')
  await writeFile(`${path}.new`, `newest:${HASH}\n`)
  await rename(`${path}.new`, path)
  clock.advance(1_000)
  expect(await users()).toEqual(['newest'])
  await writer.writeFile(`late:${HASH}\n`)
  await writer.close()
  expect(await late).toEqual(['newest'])
  clock.advance(1_000)
  expect(await users()).toEqual(['newest'])
  expect(lines.filter((line) => line.includes('read again'))).toHaveLength(1)
})
