import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { Uses } from '../../src/cache/uses.ts'
import { InventoryError } from '../../src/inventory/inventory-error.ts'
import type { Inventory } from '../../src/inventory/inventory.ts'
import { openSqliteInventory } from '../../src/inventory/sqlite.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { Events } from '../../src/telemetry/events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { blobOf } from '../support/blobs.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Gate } from '../support/gate.ts'
import { stepped, type Steps } from '../support/stepped.ts'
import { until } from '../support/turns.ts'
import { demo } from './mirror-rig.ts'

const bytes = [Buffer.from('one'), Buffer.from('two')]
const [one, two] = [digestOf(bytes[0]!), digestOf(bytes[1]!)]
const repository = { registry: 'docker.io', name: demo }
const startMs = Date.UTC(2026, 0, 1)

async function prepare() {
  const inventory = await openSqliteInventory(':memory:')
  for (const part of bytes) {
    const content = { ...blobOf(part), kind: 'blob', storedAtMs: 0, usedAtMs: 0 } as const
    await inventory.record(content, [], repository)
  }
  const steps: Steps<Inventory> = {}
  let touches = 0
  steps.touch = (touch) => {
    touches++
    return touch()
  }
  const clock = new FakeClock(startMs)
  const messages: string[] = []
  const write = (line: string) => void messages.push((JSON.parse(line) as { msg: string }).msg)
  const events = new Events(pino({}, { write }), new Metrics())
  const uses = new Uses({ inventory: stepped(inventory, steps), clock, events })
  return {
    uses,
    clock,
    steps,
    messages,
    touches: () => touches,
    usedAtMs: async () => [
      (await inventory.held(one))!.usedAtMs,
      (await inventory.held(two))!.usedAtMs,
    ],
    [Symbol.asyncDispose]: async () => {
      await uses[Symbol.asyncDispose]()
      await inventory[Symbol.asyncDispose]()
    },
  }
}

describe('uses of content', () => {
  it('are written down every ten seconds, the last of each, together', async () => {
    await using test = await prepare()
    test.uses.record(repository, one)
    test.clock.advance(1000)
    test.uses.record(repository, two)
    test.clock.advance(8999)
    test.uses.record(repository, one)
    expect(await test.usedAtMs()).toEqual([0, 0])
    test.clock.advance(1)
    await until('they are written', () => test.touches() === 1)
    await until('they are there', async () => (await test.usedAtMs())[0] === startMs + 9999)
    expect(await test.usedAtMs()).toEqual([startMs + 9999, startMs + 1000])
  })

  it('are pending until they are written down', async () => {
    await using test = await prepare()
    const gate = new Gate()
    const touch = test.steps.touch!
    test.steps.touch = async (run) => {
      await gate.pass()
      return touch(run)
    }
    test.uses.record(repository, one)
    expect([test.uses.isPending(one), test.uses.isPending(two)]).toEqual([true, false])
    const flush = test.uses.flush()
    await gate.reached
    expect(test.uses.isPending(one)).toBe(true)
    gate.open()
    await flush
    expect(test.uses.isPending(one)).toBe(false)
  })

  it('cost nothing where there were none', async () => {
    await using test = await prepare()
    test.clock.advance(10_000)
    await until('the next wait has begun', () => test.clock.sleeping === 1)
    expect(test.touches()).toBe(0)
  })

  it('are written down when it stops', async () => {
    await using test = await prepare()
    test.uses.record(repository, one)
    await test.uses[Symbol.asyncDispose]()
    expect(await test.usedAtMs()).toEqual([startMs, 0])
    expect(test.clock.sleeping).toBe(0)
  })

  it('are kept for the next time where they cannot be written, the newest of each', async () => {
    await using test = await prepare()
    const { uses, clock, steps } = test
    const touch = steps.touch!
    steps.touch = () => {
      uses.record(repository, two)
      return Promise.reject(new InventoryError('broken'))
    }
    uses.record(repository, one)
    uses.record(repository, two)
    clock.advance(5000)
    await uses.flush()
    expect(test.messages).toEqual(['inventory failed'])
    steps.touch = touch
    await uses.flush()
    expect(await test.usedAtMs()).toEqual([startMs, startMs + 5000])
  })
})
