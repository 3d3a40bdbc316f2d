import { Command } from 'commander'
import type { ScrubResult } from '../admin-api.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { countText, sizeText } from './format.ts'
import { print, printJson } from './output.ts'
import { work } from './work.ts'

export function scrubCommand(): Command {
  return withAdminOptions(new Command('scrub'))
    .description('Hashes all content again, at the rate of the configuration.')
    .action(scrub)
}

async function scrub({ json, ...options }: AdminOptions): Promise<void> {
  const result = await work(await adminClient(options), 'scrub', {})
  if (json) printJson(result)
  else print(summaryOf(result))
}

function summaryOf({ contents, bytes, quarantined }: ScrubResult): string {
  const read = `scrubbed ${countText(contents, 'content')}, ${sizeText(bytes)}`
  return quarantined === 0 ? `${read}: all whole` : `${read}: ${quarantined} quarantined`
}
