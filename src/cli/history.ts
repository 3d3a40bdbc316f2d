import { Command } from 'commander'
import type { TagHistory, TagHistoryEntry } from '../admin-api.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { printJson } from './output.ts'
import { type Column, Table } from './table.ts'

export function historyCommand(): Command {
  return withAdminOptions(new Command('history'))
    .description('Lists what upstream, or who pushes, has said a tag stands for, the last first.')
    .argument('<image>', 'REPOSITORY[:TAG], for example node:22.')
    .action(history)
}

async function history(reference: string, { json, ...options }: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  const query = new URLSearchParams({ reference })
  const result = await client.ask<TagHistory>('GET', `history?${query.toString()}`)
  if (json) {
    printJson(result.history)
    return
  }
  const isPushed = result.history.some(({ by }) => by !== null)
  const table = new Table(isPushed ? [...COLUMNS, BY] : COLUMNS)
  for (const entry of result.history) table.add(entry)
  table.end()
}

/** Times and digests in full, as `freeze --at` takes them. */
const COLUMNS: Column<TagHistoryEntry>[] = [
  { title: 'FIRST SEEN', align: 'left', text: ({ firstSeen }) => timeText(firstSeen) },
  { title: 'LAST SEEN', align: 'left', text: ({ lastSeen }) => timeText(lastSeen) },
  {
    title: 'SERVED SINCE',
    align: 'left',
    text: ({ servedSince }) => (servedSince === null ? 'never' : timeText(servedSince)),
  },
  { title: 'DIGEST', align: 'left', text: ({ digest }) => digest },
]

const BY: Column<TagHistoryEntry> = { title: 'BY', align: 'left', text: ({ by }) => by ?? '' }

function timeText(iso: string): string {
  return iso.replace(/\.\d+Z$/, 'Z')
}
