import { Command } from 'commander'
import type { EventLine } from '../admin-api.ts'
import type { ContentEvent } from '../telemetry/content-event.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { countText, sizeText } from './format.ts'
import { print, printError, printLine } from './output.ts'

export function eventsCommand(): Command {
  const command = new Command('events').description('Shows what becomes of content.')
  command.addCommand(
    withAdminOptions(new Command('tail'))
      .description('Prints what is pushed, pulled, deleted, mirrored and evicted from now on.')
      .action(tail),
  )
  return command
}

async function tail({ json, ...options }: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  await client.listen('events', (line) => {
    const told = line as EventLine<ContentEvent>
    if ('missed' in told) printError(`missed ${countText(told.missed, 'event')}`)
    else if (json) printLine(told.event)
    else print(eventText(told.event))
  })
}

function eventText({ timestamp, action, target, request, actor }: ContentEvent): string {
  const { repository, tag, digest, size } = target
  const name = tag === undefined ? repository : `${repository}:${tag}`
  const who = [actor.name, request.addr, request.useragent].filter(Boolean).join(' ')
  return [
    timestamp,
    action.padEnd('delete'.length),
    digest === undefined ? name : `${name}@${digest}`,
    size === undefined ? '' : sizeText(size),
    who,
  ]
    .filter(Boolean)
    .join('  ')
}
