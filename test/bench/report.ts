import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import type { Section } from './section.ts'

/** The machine and the versions, read when the bench starts: the load is that of before it. */
export function describeMachine(): string[] {
  const [one, five] = loadavg()
  const { model } = cpus()[0]!
  return [
    `${cpus().length} cores (${model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, ${osName()}; data on ${output('df', '--output=fstype', '.').split('\n').at(-1)}`,
    `load average before the run: ${one?.toFixed(2)} (1 min), ${five?.toFixed(2)} (5 min)`,
    `entrepot at ${output('git', 'describe', '--always', '--dirty')}, Node ${process.version}`,
    output('docker-registry', '--version'),
    `${output('python3', '--version')} (client of the warm blobs)`,
    new Date().toISOString().slice(0, 16).replace('T', ' ') + ' UTC',
  ]
}

export function renderReport(options: {
  command: string
  runs: number
  machine: readonly string[]
  sections: readonly Section[]
}): string {
  const { command, runs, machine, sections } = options
  const targets = sections.flatMap((section) => section.targets)
  const met = targets.filter((target) => target.isMet).length
  return `# Measurements

Written by \`${command}\`: entrepot (\`node src/main.ts serve --config FILE\`) and Debian's docker-registry in proxy mode side by side, in turn (A B A B), after one round that is not counted. Figures are medians of ${runs} rounds with (least-most). Ratios travel, absolute figures do not.

Both servers mirror the same upstream (a fake registry with a token server and a CDN that it redirects to, in a process of its own), keep their data on the same disk, and write one access line a request to a file: entrepot as it comes (\`log: {level: info, format: json}\`), docker-registry with \`log: {level: error, accesslog: on}\` and its in-memory descriptor cache. Clients are processes of their own that count bytes and drop them.

${machine.map((line) => `- ${line}`).join('\n')}

## Targets: ${met} of ${targets.length} met

${table(
  ['target', 'wanted', 'measured', 'met'],
  targets.map(({ what, wanted, measured, isMet }) => [
    what,
    wanted,
    measured,
    isMet ? 'yes' : '**no**',
  ]),
)}

${sections.map(renderSection).join('\n\n')}
`
}

/** The report with its section of that title replaced, or with the section at its end. */
export function replaceSection(report: string, section: Section): string {
  const start = report.indexOf(`## ${section.title}\n`)
  const before = start < 0 ? `${report}\n` : report.slice(0, start)
  const end = start < 0 ? -1 : report.indexOf('\n## ', start)
  const after = end < 0 ? '' : report.slice(end)
  return `${before}${renderSection(section)}\n${after}`
}

function renderSection(section: Section): string {
  return `## ${section.title}\n\n${section.method}\n\n${table(section.head, section.rows)}`
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
