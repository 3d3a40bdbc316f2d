import { expect, test } from 'vitest'
import { Table } from '../../src/cli/table.ts'

interface Row {
  name: string
  count: number
}

function tableTo(printed: string[]): Table<Row> {
  return new Table<Row>(
    [
      { title: 'NAME', align: 'left', text: ({ name }) => name },
      { title: 'COUNT', align: 'right', text: ({ count }) => String(count) },
    ],
    (lines) => printed.push(...lines.split('\n')),
  )
}

test('names begin and numbers end at the same place', () => {
  const printed: string[] = []
  const table = tableTo(printed)
  table.add({ name: 'a', count: 1 })
  table.add({ name: 'longer', count: 100_000 })
  table.end()
  expect(printed).toEqual(['NAME     COUNT', 'a            1', 'longer  100000'])
})

test('a long one is printed in parts, which have their titles once and grow no narrower', () => {
  const printed: string[] = []
  const table = tableTo(printed)
  table.add({ name: 'longer', count: 1 })
  for (let count = 0; count < 999; count++) table.add({ name: 'a', count })
  expect(printed).not.toEqual([])
  table.end()
  expect(printed).toHaveLength(1001)
  expect(printed.filter((line) => line.includes('NAME'))).toHaveLength(1)
  expect(printed.at(-1)).toBe('a         998')
})

test('without a row there are the titles', () => {
  const printed: string[] = []
  tableTo(printed).end()
  expect(printed).toEqual(['NAME  COUNT'])
})
