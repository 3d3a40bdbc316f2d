import { Command } from 'commander'
import type { HoldEntry, HoldList, ReleaseResult } from '../admin-api.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { ageText, shortDigest, untilText } from './format.ts'
import { print, printJson } from './output.ts'
import { type Column, Table } from './table.ts'

export function holdsCommand(): Command {
  return withAdminOptions(new Command('holds'))
    .description('Lists tags that upstream has moved and that are served as before for a while.')
    .action(holds)
}

export function releaseCommand(): Command {
  return withAdminOptions(new Command('release'))
    .description('Serves a tag as what waits for it, from now on.')
    .argument('<image>', 'REPOSITORY[:TAG], for example node:22.')
    .action(release)
}

async function holds({ json, ...options }: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  const list = await client.ask<HoldList>('GET', 'holds')
  if (json) {
    printJson(list.holds)
    return
  }
  const table = new Table(columnsAt(Date.now()))
  for (const entry of list.holds) table.add(entry)
  table.end()
}

async function release(reference: string, { json, ...options }: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  const result = await client.ask<ReleaseResult>('POST', 'release', { reference })
  if (json) printJson(result)
  else print(`released ${result.repository}:${result.tag}, now ${result.digest}`)
}

function columnsAt(nowMs: number): Column<HoldEntry>[] {
  return [
    { title: 'IMAGE', align: 'left', text: ({ repository, tag }) => `${repository}:${tag}` },
    {
      title: 'DIGEST',
      align: 'left',
      text: ({ digest }) => (digest === null ? '-' : shortDigest(digest)),
    },
    { title: 'NEW DIGEST', align: 'left', text: ({ newDigest }) => shortDigest(newDigest) },
    { title: 'KNOWN FOR', align: 'right', text: ({ knownSince }) => ageText(knownSince, nowMs) },
    { title: 'SERVED IN', align: 'right', text: ({ servedFrom }) => untilText(servedFrom, nowMs) },
  ]
}
