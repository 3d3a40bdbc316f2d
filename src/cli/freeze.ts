import { Command } from 'commander'
import type { FreezeEntry, FreezeList, FreezeResult, UnfreezeResult } from '../admin-api.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { ageText, shortDigest } from './format.ts'
import { print, printJson } from './output.ts'
import { placeOf } from './place.ts'
import { type Column, Table } from './table.ts'

interface FreezeOptions extends AdminOptions {
  at?: string
}

const IMAGE = 'REPOSITORY[:TAG], for example node:22.'

export function freezeCommand(): Command {
  return withAdminOptions(new Command('freeze'))
    .description('Serves a tag as one digest, whatever upstream says.')
    .argument('<image>', IMAGE)
    .option(
      '--at <digest|time>',
      'A digest, or what the tag was served as at a time (2026-11-20T08:00Z) or so long ago ' +
        '(3d); what it is served as now where left out.',
    )
    .action(freeze)
}

export function unfreezeCommand(): Command {
  return withAdminOptions(new Command('unfreeze'))
    .description('Takes a freeze back.')
    .argument('<image>', IMAGE)
    .action(unfreeze)
}

export function freezesCommand(): Command {
  return withAdminOptions(new Command('freezes'))
    .description('Lists the tags that are frozen.')
    .action(freezes)
}

async function freeze(reference: string, { json, at, ...options }: FreezeOptions): Promise<void> {
  const body = { reference, ...(at !== undefined && { at: placeOf('--at', at) }) }
  const client = await adminClient(options)
  const result = await client.ask<FreezeResult>('POST', 'freezes', body)
  if (json) printJson(result)
  else print(`froze ${result.repository}:${result.tag} at ${result.digest}`)
}

async function unfreeze(reference: string, { json, ...options }: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  const query = new URLSearchParams({ reference })
  const result = await client.ask<UnfreezeResult>('DELETE', `freezes?${query.toString()}`)
  if (json) printJson(result)
  else print(`unfroze ${result.repository}:${result.tag}`)
}

async function freezes({ json, ...options }: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  const list = await client.ask<FreezeList>('GET', 'freezes')
  if (json) {
    printJson(list.freezes)
    return
  }
  const table = new Table(columnsAt(Date.now()))
  for (const entry of list.freezes) table.add(entry)
  table.end()
}

function columnsAt(nowMs: number): Column<FreezeEntry>[] {
  return [
    { title: 'IMAGE', align: 'left', text: ({ repository, tag }) => `${repository}:${tag}` },
    { title: 'DIGEST', align: 'left', text: ({ digest }) => shortDigest(digest) },
    { title: 'SINCE', align: 'right', text: ({ createdAt }) => ageText(createdAt, nowMs) },
  ]
}
