import { Command } from 'commander'
import type {
  UpstreamEndpointEntry,
  UpstreamEntry,
  UpstreamList,
  UpstreamTestResult,
  UpstreamUserEntry,
} from '../admin-api.ts'
import { AdminError } from './admin-client.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { untilText } from './format.ts'
import { printJson } from './output.ts'
import { type Column, Table } from './table.ts'

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

interface Row {
  upstream: UpstreamEntry
  endpoint: UpstreamEndpointEntry
  user: UpstreamUserEntry
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
  for (const upstream of upstreams) {
    for (const endpoint of upstream.endpoints) {
      for (const user of endpoint.users) table.add({ upstream, endpoint, user })
    }
  }
  table.end()
}

function columnsAt(nowMs: number): Column<Row>[] {
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
    { title: 'LOGIN', align: 'left', text: loginText },
    { title: 'LEFT', align: 'right', text: leftText },
    {
      title: 'RESETS',
      align: 'right',
      text: ({ user: { resetAt } }) => (resetAt === null ? '-' : `in ${untilText(resetAt, nowMs)}`),
    },
  ]
}

/** Why it is not asked goes before how it answered. */
function stateText({ endpoint, user }: Row): string {
  if (endpoint.limitedUntil !== null || user.limitedUntil !== null) return 'limited'
  if (endpoint.state !== 'closed') return endpoint.state
  if (user.isAnswering === null) return 'not asked'
  return user.isAnswering ? 'answers' : 'silent'
}

function loginText({ user: { authentication } }: Row): string {
  if (authentication === null) return '-'
  const { kind, realm } = authentication
  return realm === null ? kind : `${kind} ${realm}`
}

function leftText({ user: { limit, remaining } }: Row): string {
  return limit === null || remaining === null ? '-' : `${remaining} of ${limit}`
}

function hostOf(url: string): string {
  return new URL(url).host
}
