import { Command } from 'commander'
import type { PurgeResult } from '../admin-api.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { countText } from './format.ts'
import { print, printJson } from './output.ts'
import { removalText } from './removal-text.ts'
import { work } from './work.ts'

export function purgeCommand(): Command {
  return withAdminOptions(new Command('purge'))
    .description('Removes an image, or all of a repository, whatever pins it.')
    .argument('<image>', 'REPOSITORY[:TAG|@DIGEST], for example alpine:3.')
    .action(purge)
}

async function purge(reference: string, { json, ...options }: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  const result = await work(client, 'purge', { reference })
  if (json) printJson(result)
  else print(purgedText(result))
}

function purgedText({ tags, unlinked, ...removal }: PurgeResult): string {
  if (removal.contents > 0) return removalText('purged', removal)
  if (tags > 0) return `purged ${countText(tags, 'tag')}; others need what was tagged`
  if (unlinked > 0) return `purged ${countText(unlinked, 'content')} that others need`
  return removalText('purged', removal)
}
