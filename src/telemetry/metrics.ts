import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Content type and text of one scrape. */
export interface Scrape {
  contentType: string
  text: string
}

/**
 * A counter that costs an addition and is read when it is scraped: prom-client hashes the labels
 * at each increment, which the hot path can feel. Label values come from closed sets.
 */
export class Tally<Label extends string> {
  readonly #series = new Map<string, { values: string[]; count: number }>()
  readonly #labelNames: readonly Label[]

  constructor(registry: Registry, name: string, help: string, labelNames: readonly Label[]) {
    this.#labelNames = labelNames
    const series = this.#series
    const counter = new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        counter.reset()
        for (const { values, count } of series.values()) counter.labels(...values).inc(count)
      },
    })
  }

  /** Adds to the series of these label values, given in the order of the label names. */
  add(count: number, ...values: string[]): void {
    const key = values.join(' ')
    const series = this.#series.get(key)
    if (series) series.count += count
    else this.#series.set(key, { values, count })
  }

  /** The sum of all series, or of those with one value of a label. */
  total(label?: Label, value?: string): number {
    const position = label === undefined ? -1 : this.#labelNames.indexOf(label)
    let sum = 0
    for (const { values, count } of this.#series.values()) {
      if (position < 0 || values[position] === value) sum += count
    }
    return sum
  }
}

/** What is counted, in a registry of its own. Names: `entrepot_`, base units, `_total`. */
export class Metrics {
  readonly #registry = new Registry()

  readonly requests = this.#tally('requests', 'Requests answered', ['kind', 'method', 'status'])
  readonly pulls = this.#tally('pulls', 'Manifests and blobs answered', [
    'outcome',
    'kind',
    'upstream',
  ])
  readonly savedPulls = this.#tally('saved_pulls', 'GETs of manifests that upstream was spared', [
    'upstream',
  ])
  readonly servedBytes = this.#tally('served_bytes', 'Body bytes sent to clients', ['kind'])
  readonly fetchedBytes = this.#tally('fetched_bytes', 'Body bytes from upstream', ['upstream'])
  readonly fills = this.#tally('fills', 'Fills by what became of them', ['upstream', 'event'])
  readonly revalidationFailures = this.#tally(
    'revalidation_failures',
    'Tags that upstream could not be asked about',
    ['upstream'],
  )
  readonly lostContents = this.#tally('lost_contents', 'Contents that were missing or wrong', [
    'fault',
  ])
  readonly evictedBytes = this.#tally('evicted_bytes', 'Bytes evicted', ['reason'])
  readonly evictedContents = this.#tally('evicted_contents', 'Contents evicted', ['reason'])
  readonly refusals = this.#tally('refusals', 'Contents not kept because space was full', [])
  readonly swept = this.#tally('swept', 'What did not fit store or inventory', ['action'])
  readonly jobRuns = this.#tally('job_runs', 'Runs of jobs by how they ended', ['job', 'outcome'])
  readonly logins = this.#tally('logins', 'Passwords that clients sent', ['outcome'])
  readonly failures = this.#tally('failures', 'Failures of our own parts', ['part', 'operation'])

  readonly upstreamSeconds = new Histogram({
    name: 'entrepot_upstream_request_duration_seconds',
    help: 'Time from a request to upstream until its headers',
    labelNames: ['upstream', 'kind', 'method', 'status'] as const,
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [this.#registry],
  })
  readonly breakerOpen = new Gauge({
    name: 'entrepot_breaker_open',
    help: '1 while the endpoint is not asked because it keeps failing',
    labelNames: ['upstream', 'endpoint'] as const,
    registers: [this.#registry],
  })
  readonly abuseLimited = new Gauge({
    name: 'entrepot_abuse_limited',
    help: '1 while the endpoint is not asked because it refuses all requests as too many',
    labelNames: ['upstream', 'endpoint'] as const,
    registers: [this.#registry],
  })
  readonly budgetLimit = new Gauge({
    name: 'entrepot_budget_limit',
    help: 'Pulls in one window, as the upstream tells',
    labelNames: ['upstream', 'endpoint', 'credential'] as const,
    registers: [this.#registry],
  })
  readonly budgetRemaining = new Gauge({
    name: 'entrepot_budget_remaining',
    help: 'Pulls that are left, as the upstream told last',
    labelNames: ['upstream', 'endpoint', 'credential'] as const,
    registers: [this.#registry],
  })

  readonly copyReads = this.#tally('read_cache_reads', 'Blobs opened in the store', ['outcome'])
  readonly readCacheBytes = this.#gauge('read_cache_bytes', 'Bytes of copies on the local disk')
  readonly readCacheEntries = this.#gauge('read_cache_entries', 'Copies on the local disk')
  readonly readCacheFailing = this.#gauge(
    'read_cache_failing',
    '1 while the local disk takes no copies',
  )
  readonly storeBreakerOpen = this.#gauge(
    'store_breaker_open',
    '1 while S3 is not asked because it keeps failing',
  )
  readonly spaceFull = this.#gauge('space_full', '1 while nothing new is kept')
  readonly evictionStuck = this.#gauge(
    'eviction_stuck',
    '1 while more should be evicted than may be',
  )

  readonly auditLines = this.#tally('audit_lines', 'Lines of the audit log', ['outcome'])
  readonly auditFailing = this.#gauge('audit_failing', '1 while the audit log cannot be written')

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
  }

  /** Reads a gauge when it is scraped; one that cannot be read keeps its last value. */
  watch(name: string, help: string, read: () => Promise<number | undefined>): void {
    const gauge = new Gauge({
      name: `entrepot_${name}`,
      help,
      registers: [this.#registry],
      async collect() {
        const value = await read()
        if (value !== undefined) gauge.set(value)
      },
    })
  }

  async scrape(): Promise<Scrape> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() }
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name: `entrepot_${name}`, help, registers: [this.#registry] })
  }

  #tally<Label extends string>(name: string, help: string, labels: readonly Label[]): Tally<Label> {
    return new Tally(this.#registry, `entrepot_${name}_total`, help, labels)
  }
}
