import { Command } from 'commander'
import type { RollbackResult } from '../admin-api.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { print, printJson } from './output.ts'
import { placeOf } from './place.ts'

interface RollbackOptions extends AdminOptions {
  to?: string
}

export function rollbackCommand(): Command {
  return withAdminOptions(new Command('rollback'))
    .description('Lets a tag that was pushed stand for what it stood for before.')
    .argument('<image>', 'REPOSITORY[:TAG], for example private/team/app:1.')
    .option(
      '--to <digest|time>',
      'A digest of its history, or what it stood for at a time (2026-11-20T08:00Z) or so long ' +
        '(3d) ago.',
    )
    .action(rollback)
}

async function rollback(
  reference: string,
  { json, to, ...options }: RollbackOptions,
): Promise<void> {
  const body = { reference, ...(to !== undefined && { to: placeOf('--to', to) }) }
  const client = await adminClient(options)
  const result = await client.ask<RollbackResult>('POST', 'rollback', body)
  if (json) printJson(result)
  else print(`${result.repository}:${result.tag} stands for ${result.digest}`)
}
