import { constants, type NodeGCPerformanceDetail, PerformanceObserver } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { countReceived } from '../../src/util/received-garbage.ts'
import { eventually } from '../support/eventually.ts'

const MIB = 1024 * 1024

test('the young generation is collected each time that so much has come', async () => {
  const kinds: unknown[] = []
  const observer = new PerformanceObserver((list) => {
    const entries = list.getEntries() as unknown as { detail: NodeGCPerformanceDetail }[]
    kinds.push(...entries.map(({ detail }) => detail.kind))
  })
  observer.observe({ entryTypes: ['gc'] })
  const minor = () => kinds.filter((kind) => kind === constants.NODE_PERFORMANCE_GC_MINOR).length
  for (let received = 0; received < 80 * MIB; received += MIB) countReceived(MIB)
  await eventually('20 collections', () => minor() >= 20)
  observer.disconnect()
  expect(minor()).toBeLessThan(40)
})
