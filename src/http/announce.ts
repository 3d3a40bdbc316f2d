import { randomUUID } from 'node:crypto'
import type { Action } from '../telemetry/action.ts'
import type { ContentChange } from '../telemetry/content-event.ts'
import { printable } from '../util/printable.ts'
import type { Context } from './exchange.ts'
import { hostOf, originOf, pathTo } from './origin.ts'

/**
 * Tells of what is done and durable, and lets who must not miss it write it down, which is before
 * the client is told. Of a manifest that was pushed with several tags it tells once for each.
 */
export async function announce(
  context: Context,
  action: Action,
  tags: readonly string[] = [],
): Promise<void> {
  const { exchange } = context.state
  exchange.action = action
  if (!exchange.feed.wants(action.name)) return
  const tag = tagIn(exchange.reference)
  const all = tag === undefined ? tags : [tag, ...tags]
  for (const each of all.length > 0 ? all : [undefined]) {
    exchange.feed.tell(contentChange(context, action, each))
  }
  await exchange.feed.settle()
}

/** Tells of a manifest that a client has pulled. */
export function announcePull(context: Context, action: Action): void {
  const { feed, reference } = context.state.exchange
  if (feed.wants('pull')) feed.tell(contentChange(context, action, tagIn(reference)))
}

function contentChange(
  context: Context,
  { name, kind, content, fromRepository }: Action,
  tag: string | undefined,
): ContentChange {
  const { req, state } = context
  const { route, principal, remote } = state.exchange
  const host = hostOf(context)
  return {
    action: name,
    registry: route?.upstream ?? '',
    repository: route?.repository ?? '',
    tag,
    ...content,
    fromRepository,
    url: name === 'delete' || !content ? undefined : urlOf(context, kind, content.digest),
    request: {
      id: randomUUID(),
      addr: remote,
      host: host && printable(host),
      method: req.method ?? '',
      useragent: printable(req.headers['user-agent'] ?? ''),
    },
    principal,
  }
}

/** A repository has the same path for all that is asked of it. */
function urlOf(context: Context, kind: Action['kind'], digest: string): string {
  const { path, query } = context
  const repository = path.slice(0, path.lastIndexOf(`/${kind}s/`))
  const { ns } = query
  const namespace = typeof ns === 'string' ? `?${new URLSearchParams({ ns }).toString()}` : ''
  return `${originOf(context)}${pathTo(context)}${repository}/${kind}s/${digest}${namespace}`
}

function tagIn(reference: string | undefined): string | undefined {
  return reference?.includes(':') ? undefined : reference
}
