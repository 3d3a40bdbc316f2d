import { Command } from 'commander'
import type { ErrorEntry, ErrorList } from '../admin-daemon.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { ageText, numberText } from './format.ts'
import { print, printJson } from './output.ts'
import { type Column, Table } from './table.ts'

export function errorsCommand(): Command {
  return withAdminOptions(new Command('errors'))
    .description('Lists the last warnings and errors of the daemon, those of a kind together.')
    .action(errors)
}

async function errors({ json, ...options }: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  const { errors: entries } = await client.ask<ErrorList>('GET', 'errors')
  if (json) printJson(entries)
  else if (entries.length === 0) print('nothing has gone wrong since the start')
  else printTable(entries)
}

function printTable(entries: readonly ErrorEntry[]): void {
  const table = new Table(columnsAt(Date.now()))
  for (const entry of entries) table.add(entry)
  table.end()
}

function columnsAt(nowMs: number): Column<ErrorEntry>[] {
  return [
    { title: 'LAST', align: 'right', text: ({ lastAt }) => ageText(lastAt, nowMs) },
    { title: 'COUNT', align: 'right', text: ({ count }) => numberText(count) },
    { title: 'LEVEL', align: 'left', text: ({ level }) => level },
    { title: 'WHAT', align: 'left', text: ({ message }) => message },
    { title: 'OF THE LAST', align: 'left', text: ({ details }) => detailsText(details) },
  ]
}

/** On one line; those of a request stand beside the others. */
function detailsText(details: Record<string, unknown>): string {
  return Object.entries(details)
    .flatMap(([key, value]) =>
      typeof value === 'object' && value !== null ? Object.entries(value) : [[key, value] as const],
    )
    .map(([key, value]) => `${key}=${String(value).replaceAll(/\s+/g, ' ')}`)
    .join(' ')
}
