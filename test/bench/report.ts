import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import type { Section } from './section.ts'

const HEAD = `# Measurements

Written by \`npm run bench\`, each part by the command that stands in it: entrepot (\`node src/main.ts serve --config FILE\`) and Debian's docker-registry in proxy mode side by side, in turn (A B A B), after one round that is not counted. Figures are medians with (least-most). Ratios travel, absolute figures do not.

Both servers mirror the same upstream (a fake registry with a token server and a CDN that it redirects to, in a process of its own), keep their data on the same disk, and write one access line a request to a file: entrepot as it comes (\`log: {level: info, format: json}\`), docker-registry with \`log: {level: error, accesslog: on}\` and its in-memory descriptor cache. Clients are processes of their own that count bytes and drop them.
`

/** One scenario's part of the report. */
export interface Part {
  title: string
  text: string
}

/** Where and how a section was measured, read when its scenario starts: the load is that of before it. */
export function describeRun(command: string, runs: number): string[] {
  const [one, five] = loadavg()
  const { model } = cpus()[0]!
  return [
    `\`${command}\`, ${runs} rounds, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    `${cpus().length} cores (${model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, ${osName()}; data on ${output('df', '--output=fstype', '.').split('\n').at(-1)}`,
    `load average before: ${one?.toFixed(2)} (1 min), ${five?.toFixed(2)} (5 min)`,
    `entrepot at ${output('git', 'describe', '--always', '--dirty')}, Node ${process.version}; ${output('docker-registry', '--version')}`,
  ]
}

export function partOf(section: Section, run: readonly string[]): Part {
  const { title, method, head, rows, targets } = section
  const met = targets.filter((target) => target.isMet).length
  const targetTable = table(
    [`target (${met} of ${targets.length} met)`, 'wanted', 'measured', 'met'],
    targets.map(({ what, wanted, measured, isMet }) => [
      what,
      wanted,
      measured,
      isMet ? 'yes' : '**no**',
    ]),
  )
  const text = [
    method,
    run.map((line) => `- ${line}`).join('\n'),
    ...(targets.length > 0 ? [targetTable] : []),
    table(head, rows),
  ].join('\n\n')
  return { title, text }
}

export function renderReport(parts: readonly Part[]): string {
  return [HEAD, ...parts.map(({ title, text }) => `## ${title}\n\n${text}\n`)].join('\n')
}

/** The parts of a report that was rendered before. */
export function readParts(report: string): Part[] {
  return report
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n')
      return { title: part.slice(0, end), text: part.slice(end).trim() }
    })
}

/** New parts take the places of older ones of the same title, or the end. */
export function mergeParts(older: readonly Part[], newer: readonly Part[]): Part[] {
  const merged = new Map(older.map((part) => [part.title, part]))
  for (const part of newer) merged.set(part.title, part)
  return [...merged.values()]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function osName(): string {
  return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? ''
}

function output(file: string, ...args: string[]): string {
  return execFileSync(file, args, { encoding: 'utf8' }).trim()
}
