import { Command } from 'commander'
import type { UpstreamEntry, UpstreamList, UpstreamTestResult } from '../admin-upstreams.ts'
import { AdminError } from './admin-client.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { printJson } from './output.ts'
import { type Column, Table } from './table.ts'
import {
  hostOf,
  latencyText,
  leftText,
  resetText,
  stateText,
  type UpstreamRow,
  upstreamRows,
} from './upstream-rows.ts'

export function upstreamCommand(): Command {
  const command = new Command('upstream').description('Shows and tests the registries behind us.')
  command.addCommand(
    withAdminOptions(new Command('list'))
      .description('Lists what is known of each endpoint and of each of our users there.')
      .action(list),
  )
  command.addCommand(
    withAdminOptions(new Command('test'))
      .description('Asks each endpoint as each of our users, which costs no pull.')
      .argument('<name>', 'For example docker.io.')
      .action(test),
  )
  return command
}

async function list({ json, ...options }: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  const { upstreams } = await client.ask<UpstreamList>('GET', 'upstreams')
  if (json) printJson(upstreams)
  else printTable(upstreams)
}

/** Fails where somebody does not answer, or does not take our credentials. */
async function test(name: string, { json, ...options }: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  const result = await client.ask<UpstreamTestResult>('POST', 'upstreams/test', { name })
  if (json) printJson(result)
  else printTable([result])
  const faults = result.endpoints.flatMap(({ url, users }) =>
    users.flatMap(({ credential, error }) =>
      error === null ? [] : [`${hostOf(url)} as ${credential}: ${error}`],
    ),
  )
  if (faults.length > 0) throw new AdminError('failure', faults.join('\n'))
}

function printTable(upstreams: UpstreamEntry[]): void {
  const table = new Table(columnsAt(Date.now()))
  for (const row of upstreamRows(upstreams)) table.add(row)
  table.end()
}

function columnsAt(nowMs: number): Column<UpstreamRow>[] {
  return [
    { title: 'UPSTREAM', align: 'left', text: ({ upstream }) => upstream.name },
    { title: 'ENDPOINT', align: 'left', text: ({ endpoint }) => hostOf(endpoint.url) },
    {
      title: 'PROXY',
      align: 'left',
      text: ({ endpoint: { proxy } }) => (proxy ? hostOf(proxy) : '-'),
    },
    { title: 'AS', align: 'left', text: ({ user }) => user.credential },
    { title: 'STATE', align: 'left', text: stateText },
    { title: 'LATENCY', align: 'right', text: latencyText },
    { title: 'LOGIN', align: 'left', text: loginText },
    { title: 'LEFT', align: 'right', text: leftText },
    { title: 'RESETS', align: 'right', text: (row) => resetText(row, nowMs) },
  ]
}

function loginText({ user: { authentication } }: UpstreamRow): string {
  if (authentication === null) return '-'
  const { kind, realm } = authentication
  return realm === null ? kind : `${kind} ${realm}`
}
