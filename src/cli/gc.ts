import { Command } from 'commander'
import type { GarbageEntry, GarbageResult } from '../admin-api.ts'
import type { AdminClient } from './admin-client.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { sizeText } from './format.ts'
import { print, printJson, printLine } from './output.ts'
import { type Column, Table } from './table.ts'
import { work } from './work.ts'

interface GcOptions extends AdminOptions {
  dryRun?: true
}

export function gcCommand(): Command {
  return withAdminOptions(new Command('gc'))
    .description('Frees what was pushed and nothing needs any more.')
    .option('--dry-run', 'Only list what would go and why; with --json a line for each.')
    .action(gc)
}

async function gc({ dryRun, json, ...options }: GcOptions): Promise<void> {
  const client = await adminClient(options)
  if (dryRun) await listGarbage(client, json)
  else {
    const result = await work(client, 'gc', {})
    if (json) printJson(result)
    else print(summaryOf(result))
  }
}

async function listGarbage(client: AdminClient, json: true | undefined): Promise<void> {
  const table = new Table(COLUMNS)
  let found = 0
  const { freedBytes } = await work(client, 'gc', { dryRun: true }, (entry) => {
    found++
    if (json) printLine(entry)
    else table.add(entry)
  })
  if (json) return
  if (found > 0) {
    table.end()
    print(`would free ${sizeText(freedBytes)}`)
  } else print('nothing to collect')
}

function summaryOf({ tags, manifests, blobs, freedContents, freedBytes }: GarbageResult): string {
  if (tags + manifests + blobs + freedContents === 0) return 'nothing to collect'
  const collected = `collected: tags ${tags}, manifests ${manifests}, blobs ${blobs}`
  return `${collected}; freed ${sizeText(freedBytes)}`
}

const COLUMNS: Column<GarbageEntry>[] = [
  { title: 'KIND', align: 'left', text: ({ kind }) => kind },
  {
    title: 'SIZE',
    align: 'right',
    text: ({ kind, bytes }) => (kind === 'tag' ? '' : sizeText(bytes)),
  },
  { title: 'REASON', align: 'left', text: ({ reason }) => reason },
  {
    title: 'REPOSITORY',
    align: 'left',
    text: ({ repository, tag }) => (tag === null ? repository : `${repository}:${tag}`),
  },
  { title: 'DIGEST', align: 'left', text: ({ digest }) => digest },
]
