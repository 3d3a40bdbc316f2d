import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { nodeFault } from '../src/version.ts'
import { ENTREPOT } from './cli/run-entrepot.ts'

const FAULT = 'entrepot needs Node.js 24 or newer, and this is 20.19.4'

describe('nodeFault', () => {
  test.each(['24.0.0', '24.21.0', '25.1.0', '100.0.0', process.versions.node])('%s', (version) => {
    expect(nodeFault(version)).toBeUndefined()
  })

  test.each(['8.17.0', '20.19.4', '22.20.0', '23.11.1'])('not %s', (version) => {
    expect(nodeFault(version)).toContain(version)
  })
})

test('an older Node.js is told which one is needed', async () => {
  const older = 'Object.defineProperty(process.versions, "node", { value: "20.19.4" })'
  const [node, main] = ENTREPOT
  const args = ['--import', `data:text/javascript,${older}`, main, '--version']
  const failure: unknown = await promisify(execFile)(node, args).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 1, stdout: '', stderr: `${FAULT}\n` })
})
