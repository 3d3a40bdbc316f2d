import { Command } from 'commander'
import type { PinEntry, PinList, PinResult } from '../admin-api.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { ageText, numberText, sizeText } from './format.ts'
import { print, printJson } from './output.ts'
import { type Column, Table } from './table.ts'

const PATTERN = 'For example docker.io/library/node:22*; without a registry the default upstream’s.'

export function pinCommand(): Command {
  return withAdminOptions(new Command('pin'))
    .description('Keeps what matches a pattern from being evicted.')
    .argument('<pattern>', PATTERN)
    .action(pin)
}

export function unpinCommand(): Command {
  return withAdminOptions(new Command('unpin'))
    .description('Takes a pin back.')
    .argument('<pattern>', 'As it was pinned.')
    .action(unpin)
}

export function pinsCommand(): Command {
  return withAdminOptions(new Command('pins'))
    .description('Lists the pins, those of the configuration too, and what each holds.')
    .action(pins)
}

async function pin(pattern: string, { json, ...options }: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  const result = await client.ask<PinResult>('POST', 'pins', { pattern })
  if (json) printJson(result)
  else print(`pinned ${result.pattern}`)
}

async function unpin(pattern: string, { json, ...options }: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  const query = new URLSearchParams({ pattern })
  const result = await client.ask<PinResult>('DELETE', `pins?${query.toString()}`)
  if (json) printJson(result)
  else print(`unpinned ${result.pattern}`)
}

async function pins({ json, ...options }: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  const list = await client.ask<PinList>('GET', 'pins')
  if (json) {
    printJson(list.pins)
    return
  }
  const table = new Table(columnsAt(Date.now()))
  for (const entry of list.pins) table.add(entry)
  table.end()
}

function columnsAt(nowMs: number): Column<PinEntry>[] {
  return [
    { title: 'PATTERN', align: 'left', text: ({ pattern }) => pattern },
    { title: 'IMAGES', align: 'right', text: ({ images }) => numberText(images) },
    { title: 'HOLDS', align: 'right', text: ({ bytes }) => sizeText(bytes) },
    {
      title: 'SINCE',
      align: 'right',
      text: ({ createdAt }) => (createdAt === null ? 'config' : ageText(createdAt, nowMs)),
    },
  ]
}
