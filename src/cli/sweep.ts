import { Command } from 'commander'
import type { SweepEntry, SweepResult } from '../admin-api.ts'
import type { AdminClient } from './admin-client.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { sizeText } from './format.ts'
import { print, printJson, printLine } from './output.ts'
import { type Column, Table } from './table.ts'
import { work } from './work.ts'

interface SweepOptions extends AdminOptions {
  dryRun?: true
}

export function sweepCommand(): Command {
  return withAdminOptions(new Command('sweep'))
    .description('Makes store and inventory agree, and removes what a crash has left.')
    .option('--dry-run', 'Only list what would be done and why; with --json a line for each.')
    .action(sweep)
}

async function sweep({ dryRun, json, ...options }: SweepOptions): Promise<void> {
  const client = await adminClient(options)
  if (dryRun) await listFindings(client, json)
  else {
    const result = await work(client, 'sweep', {})
    if (json) printJson(result)
    else print(summaryOf(result))
  }
}

async function listFindings(client: AdminClient, json: true | undefined): Promise<void> {
  const table = new Table(COLUMNS)
  let found = 0
  await work(client, 'sweep', { dryRun: true }, (entry) => {
    found++
    if (json) printLine(entry)
    else table.add(entry)
  })
  if (json) return
  if (found > 0) table.end()
  else print('nothing to sweep')
}

function summaryOf(result: SweepResult): string {
  const counts = Object.entries(result).filter(([, count]) => count > 0)
  if (counts.length === 0) return 'nothing to sweep'
  return `swept: ${counts.map(([action, count]) => `${action} ${count}`).join(', ')}`
}

const COLUMNS: Column<SweepEntry>[] = [
  { title: 'ACTION', align: 'left', text: ({ action }) => action },
  { title: 'SIZE', align: 'right', text: ({ bytes }) => sizeText(bytes) },
  { title: 'REASON', align: 'left', text: ({ reason }) => reason },
  { title: 'NAME', align: 'left', text: ({ name }) => name },
]
