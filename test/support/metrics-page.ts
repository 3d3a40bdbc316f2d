import { Metrics } from '../../src/telemetry/metrics.ts'

/** The text of `docs/metrics.md`. */
export function metricsPage(): string {
  const { descriptions } = new Metrics()
  const labels = new Set(descriptions.flatMap(({ labelNames }) => labelNames))
  return `${INTRODUCTION}

## Metrics

${table(
  ['metric', 'type', 'labels', 'meaning'],
  descriptions.map(({ name, type, labelNames, help }) => [
    `\`${name}\``,
    type,
    labelNames.map((label) => `\`${label}\``).join(', '),
    help,
  ]),
)}

## Labels

Every label has a closed set of values, or one that the configuration closes. Repositories, digests and clients appear only in the log.

${table(
  ['label', 'values'],
  [...labels].map((label) => [`\`${label}\``, valuesOf(label)]),
)}
`
}

const INTRODUCTION = `# Metrics

This page is made from the source by \`npm run docs\`.

\`GET /metrics\` on the admin listener answers in Prometheus' text format, with the token where \`admin.token\` is set. Besides what follows there are \`process_*\` and \`nodejs_*\` of the process, as prom-client has them. Counters begin at 0 with the process.

- [deploy/prometheus/alerts.yml](../deploy/prometheus/alerts.yml): alerts, each with what to do in [operations.md](operations.md#alerts);
- [deploy/grafana/entrepot.json](../deploy/grafana/entrepot.json): a dashboard to import.

\`\`\`yaml
# prometheus.yml
rule_files: [alerts.yml]
scrape_configs:
  - job_name: entrepot
    authorization: { credentials_file: /etc/prometheus/entrepot-token }
    static_configs:
      - targets: ['mirror.example:5001']
\`\`\``

/** What a label may say. */
const VALUES: Record<string, string> = {
  action: '`adopt`, `quarantine`, `forget` or `remove`',
  credential: '`anonymous`, or the user name of one of `credentials`',
  endpoint: 'host and port of the upstream or one of its `failover`',
  fault: '`missing`, `wrong-size`, `unreadable` or `wrong-bytes`',
  job: '`evict`, `scrub`, `sweep`, `gc`, and `warm-1` and so on, one for each entry of `warm`',
  kind: 'of requests `ping`, `manifest`, `blob`, `tags`, `referrers`, `push`, `token`, `health`, `admin` or `other`; to upstream also `version`; of what gc took `tag`, `manifest` or `blob`',
  method: '`GET`, `HEAD`, `POST` or `other`',
  operation: 'what failed in that `part`, in a few words',
  outcome:
    'of pulls `hit`, `miss`, `join`, `stale` or `bypass`; of fills `committed` or `abandoned`; of jobs `ended` or `failed`; of the read cache `hit` or `miss`; of logins `accepted`, `failed` or `slowed`; of the audit log `written` or `lost`; of events `delivered` or `dropped`',
  part: '`http`, `auth`, `cache`, `store` or `inventory`',
  reason:
    'the limit that asked for it: `ttl`, `space` or `free`; or else `command`, `purge` or `gc`',
  status: '`2xx` to `5xx`; to upstream also `error` if no answer came',
  upstream: 'its name in `upstreams`',
  webhook: 'its `name` in `webhooks`',
}

function valuesOf(label: string): string {
  const values = VALUES[label]
  if (values === undefined) throw new Error(`say in ${import.meta.filename} what ${label} may be`)
  return values
}

function table(head: string[], rows: string[][]): string {
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

function line(cells: string[]): string {
  return `| ${cells.join(' | ')} |`
}
