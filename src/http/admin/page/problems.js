// @ts-check
import { countText, timeText } from './format.js'

/**
 * @import { LiveStatus } from '../../../admin-daemon.ts'
 * @import { EndpointStats } from '../../../admin-stats.ts'
 * @import { UpstreamEntry } from '../../../admin-upstreams.ts'
 */

/**
 * What somebody should look at, the worst first, each with what it means.
 *
 * @typedef {{ title: string, text: string }} Problem
 * @param {LiveStatus} status
 * @returns {Problem[]}
 */
export function problemsOf({ stats, jobs, upstreams: entries }) {
  const { store, eviction, lostContents, upstreams, webhooks, audit } = stats
  /** @type {Problem[]} */
  const problems = []
  if (isDown(store.state)) {
    problems.push({
      title: 'S3 does not answer',
      text: `${nextTry(store.state)} What is kept there alone cannot be served.`,
    })
  }
  if (eviction.isSpaceFull) {
    problems.push({
      title: 'Space is full',
      text: 'Nothing new is kept: pulls go past the cache until there is room.',
    })
  }
  if (eviction.isStuck) {
    problems.push({
      title: 'Nothing more may be evicted',
      text: 'All that is left is pinned or in use. Unpin something, or give it more space.',
    })
  }
  if (lostContents > 0) {
    problems.push({
      title: `${countText(lostContents, 'content')} found missing or wrong`,
      text: 'Set aside, never served, and fetched again. More than one is a failing disk.',
    })
  }
  for (const { name, isLow, budget, endpoints } of upstreams) {
    for (const { url, state, limitedUntil } of endpoints) {
      const host = new URL(url).host
      if (isDown(state)) {
        problems.push({
          title: `${host} does not answer`,
          text: `${nextTry(state)} What is held of ${name} is served as it is.`,
        })
      }
      if (limitedUntil !== null) {
        problems.push({
          title: `${host} refuses all requests as too many`,
          text: `It is asked again at ${timeText(limitedUntil)}.`,
        })
      }
    }
    for (const { credential, limitedUntil } of budget) {
      if (limitedUntil !== null) {
        problems.push({
          title: `${name} has no pulls left for ${credential}`,
          text: `It is asked again at ${timeText(limitedUntil)}.`,
        })
      }
    }
    if (isLow) {
      const resets = budget.flatMap(({ resetAt }) => resetAt ?? []).sort()
      const until = resets[0] === undefined ? '' : ` The limit is reset at ${timeText(resets[0])}.`
      problems.push({
        title: `Pulls of ${name} run low`,
        text: `Only what a client waits for is asked for.${until}`,
      })
    }
  }
  problems.push(...entries.flatMap(refusals))
  if (audit?.isFailing) {
    problems.push({
      title: 'The audit log cannot be written',
      text: 'Its lines wait, and are lost when there are too many.',
    })
  }
  for (const { name, state, queued } of webhooks) {
    if (state !== 'failing') continue
    problems.push({
      title: `The webhook ${name} takes no events`,
      text: `${countText(queued, 'event')} ${queued === 1 ? 'waits' : 'wait'} for it.`,
    })
  }
  for (const { name, lastRun } of jobs) {
    if (lastRun?.error) problems.push({ title: `The job ${name} failed`, text: lastRun.error })
    const failed = lastRun?.result?.['failed'] ?? 0
    if (failed > 0) {
      problems.push({
        title: `The last ${name} could not pull ${countText(failed, 'image')}`,
        text: 'The log says why: warming failed.',
      })
    }
    const quarantined = lastRun?.result?.['quarantined'] ?? 0
    if (quarantined > 0) {
      problems.push({
        title: `The last ${name} found ${countText(quarantined, 'wrong content')}`,
        text: 'It was set aside, and comes from upstream again.',
      })
    }
  }
  return problems
}

/**
 * @param {UpstreamEntry} upstream
 * @returns {Problem[]}
 */
function refusals({ endpoints }) {
  return endpoints.flatMap(({ url, users }) =>
    users
      .filter(({ isRefused }) => isRefused)
      .map(({ credential }) => ({
        title: `${new URL(url).host} refuses ${credential}`,
        text: 'The password or token is wrong, or has ended.',
      })),
  )
}

/**
 * Also while the next question is yet to show whether it is up again, which takes as long as
 * nobody asks.
 *
 * @param {EndpointStats['state'] | null} state
 */
export function isDown(state) {
  return state === 'open' || state === 'half-open'
}

/** @param {EndpointStats['state'] | null} state */
function nextTry(state) {
  return state === 'open' ? 'It is left alone for a while.' : 'The next pull tries it again.'
}
