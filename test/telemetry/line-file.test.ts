import { readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { AuditEvents } from '../../src/telemetry/audit-events.ts'
import { LineFile } from '../../src/telemetry/line-file.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { smallDisk } from '../support/small-disk.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function openLines(path: string) {
  const clock = new FakeClock()
  const metrics = new Metrics()
  const messages: string[] = []
  const write = (line: string) => void messages.push((JSON.parse(line) as { msg: string }).msg)
  const events = new AuditEvents(pino({}, { write }), metrics)
  const file = await LineFile.open({ path, clock, events })
  const read = () => readFile(path, 'utf8')
  /** Until the next write waits for its time, so the one before has been tried. */
  const waits = () => eventually('it waits', () => clock.sleeping === 1)
  return {
    file,
    messages,
    metrics,
    read,
    waits,
    /** Lets the next write be tried. */
    async pass(ms: number) {
      await waits()
      clock.advance(ms)
    },
    async [Symbol.asyncDispose]() {
      await file[Symbol.asyncDispose]()
    },
  }
}

test('lines come in order, a moment after they were written', async () => {
  await using folder = await temporaryFolder()
  await using lines = await openLines(join(folder.path, 'audit.log'))
  lines.file.write('a')
  lines.file.write('b')
  expect(await lines.read()).toBe('')
  await lines.pass(100)
  await eventually('both', async () => (await lines.read()) === 'a\nb\n')
  lines.file.write('c')
  await lines.pass(100)
  await eventually('the third', async () => (await lines.read()) === 'a\nb\nc\n')
  await eventually(
    'all are counted',
    () => lines.metrics.auditLines.total('outcome', 'written') === 3,
  )
})

test('what waits is written at the end, into a file that others cannot read', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'audit.log')
  {
    await using lines = await openLines(path)
    lines.file.write('last')
  }
  expect(await readFile(path, 'utf8')).toBe('last\n')
  expect((await stat(path)).mode & 0o777).toBe(0o640 & ~process.umask())
})

test('what comes while others are being written is written at the end too', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'audit.log')
  {
    await using lines = await openLines(path)
    lines.file.write('first')
    await lines.pass(100)
    // Runs after all that waits for no disk, so when the write is on its way.
    await new Promise((resolve) => process.nextTick(resolve))
    lines.file.write('last')
  }
  expect(await readFile(path, 'utf8')).toBe('first\nlast\n')
})

test('what is there stays, and a line that a crash has cut off gets an end', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'audit.log')
  await writeFile(path, 'whole\n{"cut')
  {
    await using lines = await openLines(path)
    lines.file.write('new')
  }
  expect(await readFile(path, 'utf8')).toBe('whole\n{"cut\nnew\n')
})

test('after the file was moved away, lines go into a new one', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'audit.log')
  await using lines = await openLines(path)
  lines.file.write('before')
  await lines.pass(100)
  await eventually('the line', async () => (await lines.read()) === 'before\n')
  await rename(path, `${path}.1`)
  lines.file.reopen()
  lines.file.write('after')
  await lines.pass(100)
  await eventually('the new file', async () => (await lines.read().catch(() => '')) === 'after\n')
  expect(await readFile(`${path}.1`, 'utf8')).toBe('before\n')
})

test('where no new file can be made, the one that was moved away is written on', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'audit.log')
  await using lines = await openLines(path)
  await rename(path, join(folder.path, 'moved'))
  // A link to itself cannot be opened by anybody.
  await symlink('audit.log', path)
  lines.file.reopen()
  lines.file.write('kept')
  await lines.pass(100)
  const moved = () => readFile(join(folder.path, 'moved'), 'utf8')
  await eventually('the line', async () => (await moved()) === 'kept\n')
  await eventually('it is told', () => lines.messages.length === 1)
  expect(lines.file.isFailing).toBe(true)
  await rm(path)
  await lines.pass(1000)
  await eventually('it is told that it is well', () => lines.messages.length === 2)
  expect(lines.file.isFailing).toBe(false)
  expect(lines.messages).toEqual(['audit log cannot be written', 'audit log is written again'])
  expect(await lines.read()).toBe('')
})

test('a full disk is told once, and what was written meanwhile comes when there is space', async (context) => {
  await using disk = await smallDisk(context, { sizeBytes: 64 * 1024 })
  const path = join(disk.path, 'audit.log')
  const ballast = join(disk.path, 'ballast')
  await writeFile(ballast, Buffer.alloc(40 * 1024))
  await using lines = await openLines(path)
  const texts = Array.from({ length: 40 }, (_, index) => `${index}`.padEnd(1023, '.'))
  for (const text of texts) lines.file.write(text)
  await lines.pass(100)
  await eventually('it is told', () => lines.messages.length === 1)
  for (let failure = 0; failure < 3; failure++) await lines.pass(1000)
  await lines.waits()
  lines.file.write('later')
  await rm(ballast)
  await lines.pass(1000)
  await eventually('it is told', () => lines.messages.length === 2)
  await lines.pass(100)
  const whole = `${[...texts, 'later'].join('\n')}\n`
  await eventually('all lines', async () => (await lines.read()) === whole)
  expect(lines.messages).toEqual(['audit log cannot be written', 'audit log is written again'])
  expect(lines.metrics.auditLines.total('outcome', 'lost')).toBe(0)
})

test('beyond a bound what cannot be written is lost, and counted', async (context) => {
  await using disk = await smallDisk(context, { sizeBytes: 64 * 1024 })
  const metrics = await (async () => {
    await using lines = await openLines(join(disk.path, 'audit.log'))
    const mebibyte = '.'.repeat(1024 * 1024 - 1)
    for (let count = 0; count < 20; count++) lines.file.write(mebibyte)
    expect(lines.metrics.auditLines.total('outcome', 'lost')).toBe(4)
    return lines.metrics
  })()
  expect(metrics.auditLines.total('outcome', 'lost')).toBe(20)
})
