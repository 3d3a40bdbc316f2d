import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, test } from 'vitest'
import { parse } from 'yaml'
import { type MetricDescription, Metrics } from '../../src/telemetry/metrics.ts'
import { anchorsOf } from '../support/markdown.ts'
import { run } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { isInstalled } from '../support/tools.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

interface Rule {
  alert?: string
  record?: string
  expr: string
  annotations?: { summary: string; runbook: string }
}

interface Panel {
  id: number
  gridPos: { x: number; y: number; w: number; h: number }
  targets: { expr: string }[]
}

const alertsFile = join(ROOT, 'deploy/prometheus/alerts.yml')
const { groups } = parse(readFileSync(alertsFile, 'utf8')) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)
const dashboard = readFileSync(join(ROOT, 'deploy/grafana/entrepot.json'), 'utf8')
const { panels } = JSON.parse(dashboard) as { panels: Panel[] }
const panelQueries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

/** What is not of ours alone: of Prometheus, of the process, and what the rules record. */
const OTHERS = new Set<string | undefined>([
  'up',
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  ...rules.map(({ record }) => record),
])

describe.each([
  ['deploy/prometheus/alerts.yml', rules.map(({ expr }) => expr)],
  ['deploy/grafana/entrepot.json', panelQueries],
])('%s', (_, queries) => {
  it.each(queries)('asks for metrics and labels that there are: %s', async (query) => {
    const metrics = new Metrics()
    const { text } = await metrics.scrape()
    const selectors = [
      ...query.matchAll(
        /\b((?:entrepot|up|process)\b[\w:]*|entrepot_\w+|process_\w+)(?:\{([^}]*)\})?/g,
      ),
    ]
    expect(selectors).not.toEqual([])
    for (const [, name = '', matchers = ''] of selectors) {
      const metric = metrics.descriptions.find((each) => seriesOf(each).includes(name))
      if (!OTHERS.has(name)) expect(metric?.name, name).toBeDefined()
      else if (name.startsWith('process_')) expect(text).toContain(`\n${name} `)
      const labels = ['job', 'instance', ...(metric?.labelNames ?? [])]
      for (const [, label] of matchers.matchAll(/(\w+)=/g)) expect(labels).toContain(label)
    }
  })
})

describe('alerts', () => {
  const page = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8')
  const anchors = anchorsOf(page)

  it.each(rules.filter(({ alert }) => alert !== undefined))(
    '$alert says what to do',
    ({ alert, annotations }) => {
      expect(annotations?.runbook).toBe(`docs/operations.md#${alert?.toLowerCase()}`)
      expect(anchors).toContain(alert?.toLowerCase())
    },
  )
})

test('every alert is tried', () => {
  const { tests } = parse(readFileSync(join(ROOT, 'test/deploy/alerts.yml'), 'utf8')) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts?: object[] }[] }[]
  }
  const tried = tests.flatMap(({ alert_rule_test: all }) => all.filter((one) => one.exp_alerts))
  const alerts = rules.flatMap(({ alert }) => alert ?? [])
  expect(new Set(tried.map(({ alertname }) => alertname))).toEqual(new Set(alerts))
})

describe('the dashboard', () => {
  it('has panels that do not overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24)
      return Array.from(
        { length: w * h },
        (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`,
      )
    })
    expect(new Set(cells).size).toBe(cells.length)
  })

  it('names no data source of its own', () => {
    expect([...dashboard.matchAll(/"uid": "([^"]*)"/g)].map(([, uid]) => uid)).toEqual([
      'entrepot',
      ...[...dashboard.matchAll(/"type": "prometheus"/g)].map(() => '${datasource}'),
    ])
  })
})

describe.skipIf(!isInstalled('promtool'))('promtool', () => {
  it('takes the rules, which tell what they should and nothing else', async () => {
    await run(['promtool', 'check', 'rules', alertsFile])
    await run(['promtool', 'test', 'rules', join(ROOT, 'test/deploy/alerts.yml')])
  })

  it('takes the queries of the dashboard', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'queries.yml')
    const filled = panelQueries.map((query) =>
      query
        .replaceAll('$__rate_interval', '5m')
        .replaceAll('$__range', '1d')
        .replaceAll('$instance', '.+'),
    )
    const queries = filled.map((expr, index) => ({ record: `query:${index}`, expr }))
    await writeFile(file, JSON.stringify({ groups: [{ name: 'queries', rules: queries }] }))
    await run(['promtool', 'check', 'rules', file])
  })

  it('finds our metrics to be as metrics should', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'metrics')
    const { text } = await new Metrics().scrape()
    const ours = text.split('\n').filter((line) => line.includes('entrepot_'))
    await writeFile(file, `${ours.join('\n')}\n`)
    await run(['sh', '-ec', `promtool check metrics < '${file}'`])
  })
})

function seriesOf({ name, type }: MetricDescription): string[] {
  return type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name]
}
