import { Command } from 'commander'
import type { RemovableEntry, Works } from '../admin-api.ts'
import { parseByteSize } from '../util/byte-size.ts'
import type { AdminClient } from './admin-client.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { UsageError } from './failure.ts'
import { ageText, shortDigest, sizeText } from './format.ts'
import { removalText } from './removal-text.ts'
import { print, printJson, printLine } from './output.ts'
import { type Column, Table } from './table.ts'
import { work } from './work.ts'

interface EvictOptions extends AdminOptions {
  dryRun?: true
  to?: string
}

export function evictCommand(): Command {
  return withAdminOptions(new Command('evict'))
    .description('Evicts the coldest images until the limits are respected.')
    .option('--dry-run', 'Only list what would go, the first first; with --json a line for each.')
    .option('--to <size>', 'Evict until no more than this is held, for example 20GiB.')
    .action(evict)
}

async function evict({ dryRun, to, json, ...options }: EvictOptions): Promise<void> {
  const body = { ...(to !== undefined && { toBytes: sizeOf(to) }) }
  const client = await adminClient(options)
  if (dryRun) await listCandidates(client, body, json)
  else {
    const result = await work(client, 'evict', body)
    if (json) printJson(result)
    else print(removalText('evicted', result))
  }
}

async function listCandidates(
  client: AdminClient,
  body: Works['evict']['body'],
  json: true | undefined,
): Promise<void> {
  const table = new Table(columnsAt(Date.now()))
  const onItem = (item: RemovableEntry) => (json ? printLine(item) : table.add(item))
  const result = await work(client, 'evict', { ...body, dryRun: true }, onItem)
  if (json) return
  if (result.images > 0) table.end()
  print(removalText('would evict', result))
}

function sizeOf(text: string): number {
  const bytes = parseByteSize(text)
  if (bytes === undefined) throw new UsageError(`--to takes a size such as 20GiB, not ${text}`)
  return bytes
}

function columnsAt(nowMs: number): Column<RemovableEntry>[] {
  return [
    { title: 'DIGEST', align: 'left', text: ({ digest }) => shortDigest(digest) },
    { title: 'SIZE', align: 'right', text: ({ bytes }) => sizeText(bytes) },
    { title: 'LAST USE', align: 'right', text: ({ usedAt }) => ageText(usedAt, nowMs) },
    { title: 'NAMES', align: 'left', text: namesText },
  ]
}

function namesText({ names }: RemovableEntry): string {
  return names
    .flatMap(({ repository, tags }) =>
      tags.length > 0 ? tags.map((tag) => `${repository}:${tag}`) : [repository],
    )
    .join(', ')
}
