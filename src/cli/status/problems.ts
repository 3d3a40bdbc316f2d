import type { JobEntry } from '../../admin-api.ts'
import type { UpstreamEntry } from '../../admin-upstreams.ts'
import type { Stats, UpstreamStats, WebhookStats } from '../../admin-stats.ts'
import { ageText, countText, untilText } from '../format.ts'
import { hostOf } from '../upstream-rows.ts'
import type { Snapshot } from './snapshot.ts'

/** What somebody should look at, the worst first: a sentence each. */
export function problemsOf({ stats, jobs, upstreams, atMs }: Snapshot): string[] {
  return [
    ...spaceProblems(stats),
    ...upstreams.flatMap((upstream) => endpointProblems(upstream, atMs)),
    ...stats.upstreams.flatMap((upstream) => budgetProblems(upstream, atMs)),
    ...contentProblems(stats),
    ...jobs.flatMap((job) => jobProblems(job, atMs)),
    ...stats.webhooks.flatMap(webhookProblems),
    ...(stats.audit?.isFailing
      ? ['the audit log cannot be written: its lines wait, and then are lost (entrepot errors)']
      : []),
  ]
}

function spaceProblems({ store, eviction: { isSpaceFull, isStuck } }: Stats): string[] {
  return [
    ...(store.state !== null && store.state !== 'closed'
      ? ['S3 does not answer: what is kept there alone cannot be served']
      : []),
    ...(isSpaceFull ? ['space is full: nothing new is kept, pulls go past the cache'] : []),
    ...(isStuck
      ? ['nothing more may be evicted: all that is left is pinned or in use (entrepot pins)']
      : []),
  ]
}

function endpointProblems({ name, endpoints }: UpstreamEntry, nowMs: number): string[] {
  return endpoints.flatMap(({ url, state, limitedUntil, users }) => {
    const where = `${name}: ${hostOf(url)}`
    if (state !== 'closed') {
      // Half-open stays until somebody pulls.
      const next =
        state === 'open' ? 'it is left alone for a while' : 'the next pull tries it again'
      return [`${where} does not answer: ${next} (entrepot upstream test)`]
    }
    if (limitedUntil !== null) {
      const wait = untilText(limitedUntil, nowMs)
      return [`${where} refuses all requests as too many: it is asked again in ${wait}`]
    }
    return users.flatMap((user) => {
      const who = `${where} as ${user.credential}`
      if (user.limitedUntil !== null) {
        return [`${who} is limited: it is asked again in ${untilText(user.limitedUntil, nowMs)}`]
      }
      if (user.isRefused) {
        return [
          `${where} refuses ${user.credential}: wrong or ended credentials (entrepot upstream test)`,
        ]
      }
      return user.isAnswering === false ? [`${who} did not answer when it was asked last`] : []
    })
  })
}

function budgetProblems({ name, isLow, budget }: UpstreamStats, nowMs: number): string[] {
  if (!isLow) return []
  const [reset] = budget.flatMap(({ resetAt }) => resetAt ?? []).toSorted()
  const until = reset === undefined ? '' : `; the limit is reset in ${untilText(reset, nowMs)}`
  return [`${name}: pulls run low, it is asked only for what a client waits for${until}`]
}

function webhookProblems({ name, state, queued }: WebhookStats): string[] {
  if (state !== 'failing') return []
  return [`${name}: this webhook takes no events, ${countText(queued, 'event')} wait for it`]
}

function contentProblems({ lostContents }: Stats): string[] {
  if (lostContents === 0) return []
  const what = `${countText(lostContents, 'content')} found missing or wrong since the start`
  return [`${what}: fetched again; more than one is a failing disk`]
}

function jobProblems({ name, lastRun }: JobEntry, nowMs: number): string[] {
  if (!lastRun) return []
  const when = `${ageText(lastRun.endedAt, nowMs)} ago`
  const { quarantined = 0, failed = 0 } = lastRun.result ?? {}
  return [
    ...(lastRun.error === null ? [] : [`${name} failed ${when}: ${lastRun.error}`]),
    ...(quarantined > 0
      ? [`${name} found ${countText(quarantined, 'wrong content')} ${when}: see quarantine/`]
      : []),
    ...(failed > 0 ? [`${name} could not pull ${countText(failed, 'image')} ${when}`] : []),
  ]
}
