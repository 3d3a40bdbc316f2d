import type { JobEntry, RemovableEntry, WorkProgress } from '../../admin-api.ts'
import type { Stats, StatsSpan } from '../../admin-stats.ts'
import {
  ageText,
  amountText,
  countText,
  numberText,
  percentText,
  shortDigest,
  sizeText,
  spanText,
  untilText,
} from '../format.ts'
import { pullsOf } from '../pulls.ts'
import { type Column, tableLines } from '../table.ts'
import {
  hostOf,
  latencyText,
  leftText,
  resetText,
  stateText,
  type UpstreamRow,
  upstreamRows,
} from '../upstream-rows.ts'
import { fitted, wrapped } from './fitted.ts'
import { problemsOf } from './problems.ts'
import type { Snapshot } from './snapshot.ts'

type Tone = 'good' | 'bad' | 'title' | 'plain'

export interface StatusLine {
  text: string
  tone: Tone
}

const FILLS_SHOWN = 10

/** Longer than this nothing is known of what is pulled. */
const FORESEEN_MS = 365 * 86_400_000

/** How a mirror does, problems first, in lines of no more than `width` columns. */
export function statusLines(snapshot: Snapshot, width: number): StatusLine[] {
  const { atMs, stats, jobs, upstreams } = snapshot
  const problems = problemsOf(snapshot)
  const isWell = problems.length === 0
  const health = isWell ? 'healthy' : countText(problems.length, 'problem')
  const lines: StatusLine[] = [
    { text: `${health}, up for ${spanText(stats.uptimeMs)}`, tone: isWell ? 'good' : 'bad' },
    ...problems.flatMap((problem) => linesOf(wrapped(problem, '- ', width), 'bad')),
    BLANK,
    ...linesOf(figures(snapshot), 'plain'),
    ...titled(upstreamColumns(atMs), upstreamRows(upstreams)),
    ...fillLines(stats.fills),
    ...titled(jobColumns(atMs), jobs),
  ]
  return lines.map(({ text, tone }) => ({ text: fitted(text, width), tone }))
}

const BLANK: StatusLine = { text: '', tone: 'plain' }

function linesOf(texts: readonly string[], tone: Tone): StatusLine[] {
  return texts.map((text) => ({ text, tone }))
}

/** A table below a blank line; nothing where it is empty. */
function titled<Row>(columns: Column<Row>[], rows: readonly Row[]): StatusLine[] {
  if (rows.length === 0) return []
  const [title = '', ...lines] = tableLines(columns, rows)
  return [BLANK, ...linesOf([title], 'title'), ...linesOf(lines, 'plain')]
}

interface Figure {
  name: string
  value: string
  remark: string
}

const FIGURES: Column<Figure>[] = [
  { title: '', align: 'left', text: ({ name }) => name },
  { title: '', align: 'right', text: ({ value }) => value },
  { title: '', align: 'left', text: ({ remark }) => remark },
]

function figures({ atMs, stats, hours, next }: Snapshot): string[] {
  const { pulls, bytes, store } = stats
  const { hit, join, stale, miss, bypass } = pulls
  const { here, all } = pullsOf(pulls)
  const saved = Math.max(0, bytes.served - bytes.fetched)
  const rows: Figure[] = [
    {
      name: 'pulls',
      value: numberText(all),
      remark: outcomesText({ hit, join, stale, miss, bypass }),
    },
    {
      name: 'hit ratio',
      value: percentText(here, all),
      remark: 'of pulls needed no content from upstream',
    },
    { name: 'served', value: sizeText(bytes.served), remark: 'since the start' },
    { name: 'fetched', value: sizeText(bytes.fetched), remark: 'from upstream' },
    {
      name: 'saved',
      value: sizeText(saved),
      remark: `${percentText(saved, bytes.served)} of what was served`,
    },
    {
      name: 'held',
      value: sizeText(store.bytes),
      remark:
        `${percentText(store.bytes, store.maxBytes)} of ${sizeText(store.maxBytes)}, ` +
        `${countText(store.entries, 'content')}${fullText(store, hours)}`,
    },
    ...copyFigures(store),
    ...(next ? [nextFigure(next, atMs)] : []),
  ]
  return tableLines(FIGURES, rows).slice(1)
}

function outcomesText(counts: Record<string, number>): string {
  const told = Object.entries(counts).filter(([, count]) => count > 0)
  return told.map(([outcome, count]) => `${outcome} ${numberText(count)}`).join(', ')
}

/** When nothing more fits, if it goes on as in the last day. */
function fullText({ bytes, maxBytes }: Stats['store'], hours: readonly StatsSpan[]): string {
  const [first, last] = [hours[0], hours.at(-1)]
  if (!first || !last) return ''
  const passedMs = Date.parse(last.start) - Date.parse(first.start)
  const grownBytes = last.storeBytes - first.storeBytes
  if (passedMs <= 0 || grownBytes <= 0) return ''
  const leftMs = (Math.max(0, maxBytes - bytes) / grownBytes) * passedMs
  return leftMs < FORESEEN_MS ? `, full in ${spanText(leftMs)} at this pace` : ''
}

function copyFigures({ cache }: Stats['store']): Figure[] {
  if (!cache) return []
  const { bytes, maxBytes, hits, misses } = cache
  const remark =
    `${percentText(bytes, maxBytes)} of ${sizeText(maxBytes)} on the local disk, ` +
    `${percentText(hits, hits + misses)} of reads`
  return [{ name: 'copies', value: sizeText(bytes), remark }]
}

function nextFigure({ digest, names, usedAt }: RemovableEntry, nowMs: number): Figure {
  const [first] = names
  const name = first
    ? [first.repository, ...first.tags.slice(0, 1)].join(':')
    : `sha256:${shortDigest(digest)}`
  const used = `, used ${ageText(usedAt, nowMs)} ago`
  return { name: 'goes next', value: '', remark: fitted(name, 40) + used }
}

function upstreamColumns(nowMs: number): Column<UpstreamRow>[] {
  return [
    { title: 'UPSTREAM', align: 'left', text: (row) => fitted(placeText(row), 26) },
    { title: 'AS', align: 'left', text: ({ user }) => fitted(user.credential, 16) },
    { title: 'STATE', align: 'left', text: stateText },
    { title: 'LEFT', align: 'right', text: leftText },
    { title: 'RESETS', align: 'right', text: (row) => resetText(row, nowMs) },
    { title: 'LATENCY', align: 'right', text: latencyText },
  ]
}

/** Those that are asked when the first cannot answer stand below it. */
function placeText({ upstream, endpoint }: UpstreamRow): string {
  return endpoint === upstream.endpoints[0] ? upstream.name : `  ${hostOf(endpoint.url)}`
}

type Fill = Stats['fills'][number]

function fillLines(fills: readonly Fill[]): StatusLine[] {
  const more = fills.length - FILLS_SHOWN
  return [
    ...titled(FILL_COLUMNS, fills.slice(0, FILLS_SHOWN)),
    ...linesOf(more > 0 ? [`and ${numberText(more)} more`] : [], 'plain'),
  ]
}

const FILL_COLUMNS: Column<Fill>[] = [
  { title: 'FILL', align: 'left', text: ({ repository }) => fitted(repository, 29) },
  { title: 'DIGEST', align: 'left', text: ({ digest }) => shortDigest(digest) },
  {
    title: 'DONE',
    align: 'right',
    text: ({ bytes, totalBytes }) =>
      totalBytes === null ? sizeText(bytes) : percentText(bytes, totalBytes),
  },
  { title: 'RATE', align: 'right', text: ({ bytesPerSecond }) => `${sizeText(bytesPerSecond)}/s` },
  {
    title: 'LEFT',
    align: 'right',
    text: ({ remainingMs }) => (remainingMs === null ? '-' : spanText(remainingMs)),
  },
  { title: 'CLIENTS', align: 'right', text: ({ followers }) => numberText(followers) },
]

function jobColumns(nowMs: number): Column<JobEntry>[] {
  return [
    { title: 'JOB', align: 'left', text: ({ name }) => name },
    {
      title: 'LAST',
      align: 'right',
      text: ({ lastRun }) => (lastRun ? `${ageText(lastRun.endedAt, nowMs)} ago` : '-'),
    },
    {
      title: 'NEXT',
      align: 'right',
      text: ({ nextRunAt }) => (nextRunAt === null ? '-' : `in ${untilText(nextRunAt, nowMs)}`),
    },
    { title: 'RESULT', align: 'left', text: jobText },
  ]
}

function jobText({ isRunning, progress, lastRun }: JobEntry): string {
  if (isRunning) return progress ? `running, ${progressText(progress)}` : 'running'
  if (!lastRun) return ''
  if (lastRun.error !== null) return `failed: ${lastRun.error}`
  const told = Object.entries(lastRun.result ?? {}).filter(([, count]) => count > 0)
  if (told.length === 0) return 'nothing to do'
  return told.map(([what, count]) => resultText(what, count)).join(', ')
}

/** `fetchedBytes` is told as `fetched`, `freedContents` as `freed contents`. */
function resultText(what: string, count: number): string {
  const words = what
    .replace(/Bytes$/, '')
    .replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return `${words} ${/bytes$/i.test(what) ? sizeText(count) : numberText(count)}`
}

function progressText({ done, total, unit }: WorkProgress): string {
  return total === null ? amountText(done, unit) : percentText(done, total)
}
