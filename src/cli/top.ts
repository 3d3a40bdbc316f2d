import { Command } from 'commander'
import type { TopEntry, TopList } from '../admin-stats.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { UsageError } from './failure.ts'
import { numberText, sizeText } from './format.ts'
import { print, printJson } from './output.ts'
import { pullsOf, ratioText } from './pulls.ts'
import { type Column, Table } from './table.ts'

/** The daemon tells no more. */
const MAX_LIMIT = 100

interface TopOptions extends AdminOptions {
  limit: string
}

export function topCommand(): Command {
  return withAdminOptions(new Command('top'))
    .description('Lists the repositories of which most bytes went to clients since the start.')
    .option('--limit <count>', 'How many at most.', '10')
    .action(top)
}

async function top({ limit, json, ...options }: TopOptions): Promise<void> {
  const client = await adminClient(options)
  const { repositories } = await client.ask<TopList>('GET', `stats/top?limit=${limitOf(limit)}`)
  if (json) printJson(repositories)
  else if (repositories.length === 0) print('nothing was served since the start')
  else printTable(repositories)
}

function printTable(repositories: readonly TopEntry[]): void {
  const table = new Table(COLUMNS)
  for (const repository of repositories) table.add(repository)
  table.end()
}

const COLUMNS: Column<TopEntry>[] = [
  { title: 'REPOSITORY', align: 'left', text: ({ repository }) => repository },
  { title: 'SERVED', align: 'right', text: ({ bytes }) => sizeText(bytes) },
  { title: 'PULLS', align: 'right', text: ({ pulls }) => numberText(pullsOf(pulls).all) },
  { title: 'HIT RATIO', align: 'right', text: ({ pulls }) => ratioText(pulls) },
]

function limitOf(text: string): number {
  const limit = Number(text)
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit
  throw new UsageError(`--limit takes a number from 1 to ${MAX_LIMIT}, not ${text}`)
}
