import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { Reading } from './reading.ts'
import { Tally } from './tally.ts'

/** Content type and text of one scrape. */
export interface Scrape {
  contentType: string
  text: string
}

/** What may be wrong with content. */
const FAULTS = ['missing', 'wrong-size', 'unreadable', 'wrong-bytes'] as const

export type Fault = (typeof FAULTS)[number]

/** What is known of a metric before anything is counted. */
export interface MetricDescription {
  name: string
  help: string
  type: 'counter' | 'gauge' | 'histogram'
  labelNames: readonly string[]
}

/**
 * What is counted and measured, in a registry of its own. Names: `entrepot_`, base units, `_total`.
 * docs/metrics.md is made of it.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #descriptions: MetricDescription[] = []

  readonly requests = this.#tally('requests', 'Requests answered.', ['kind', 'method', 'status'])
  readonly pulls = this.#tally('pulls', 'Manifests and blobs answered, to GET and HEAD.', [
    'outcome',
    'kind',
    'upstream',
  ])
  readonly savedPulls = this.#tally('saved_pulls', 'GETs of manifests that upstream was spared.', [
    'upstream',
  ])
  readonly servedBytes = this.#tally(
    'served_bytes',
    'Body bytes sent to clients, but not those of errors.',
    ['kind'],
  )
  readonly fetchedBytes = this.#tally('fetched_bytes', 'Body bytes from upstream.', ['upstream'])
  readonly fills = this.#tally('fills', 'Fills that have ended.', ['upstream', 'outcome'])
  readonly fillResumes = this.#tally(
    'fill_resumes',
    'Times that a fill went on where upstream had cut it.',
    ['upstream'],
  )
  readonly fillsInProgress = this.#reading('fills_in_progress', 'Fills under way.')
  readonly revalidationFailures = this.#tally(
    'revalidation_failures',
    'Tags that upstream could not be asked about.',
    ['upstream'],
  )
  readonly tagsHeld = this.#reading('tags_held', 'Tags that are served as before a move.')
  readonly lostContents = this.#tally(
    'lost_contents',
    'Contents that were missing or wrong, set aside and forgotten.',
    ['fault'],
  )
  readonly evictedBytes = this.#tally('evicted_bytes', 'Bytes evicted.', ['reason'])
  readonly evictedContents = this.#tally('evicted_contents', 'Contents evicted.', ['reason'])
  readonly evictionStuck = this.#gauge(
    'eviction_stuck',
    '1 while more should be evicted than may be.',
  )
  readonly spaceFull = this.#gauge('space_full', '1 while nothing new is kept.')
  readonly refusals = this.#tally('refusals', 'Contents not kept because space was full.', [])
  readonly collected = this.#tally(
    'garbage_collected',
    'Contents that gc took from hosted repositories.',
    ['kind'],
  )
  readonly swept = this.#tally('swept', 'Places where store and inventory did not match.', [
    'action',
  ])
  readonly jobRuns = this.#tally('job_runs', 'Runs of jobs that have ended.', ['job', 'outcome'])
  readonly logins = this.#tally('logins', 'Passwords that clients sent.', ['outcome'])
  readonly failures = this.#tally('failures', 'Failures of our own parts.', ['part', 'operation'])

  readonly storeBytes = this.#reading('store_bytes', 'Bytes of content that are held.')
  readonly storeLimitBytes = this.#reading(
    'store_limit_bytes',
    'Bytes of content that may be held: `eviction.maxSize`.',
  )
  readonly diskFreeBytes = this.#reading(
    'disk_free_bytes',
    'Bytes that are free where the data folder is.',
  )
  readonly diskMinFreeBytes = this.#reading(
    'disk_min_free_bytes',
    'Bytes that eviction keeps free there: `eviction.minFree`; 0 with content in S3.',
  )
  readonly storeBreakerOpen = this.#gauge(
    'store_breaker_open',
    '1 while S3 is not asked because it keeps failing.',
  )
  readonly copyReads = this.#tally('read_cache_reads', 'Blobs of S3 opened.', ['outcome'])
  readonly readCacheBytes = this.#gauge('read_cache_bytes', 'Bytes of copies on the local disk.')
  readonly readCacheEntries = this.#gauge('read_cache_entries', 'Copies on the local disk.')
  readonly readCacheFailing = this.#gauge(
    'read_cache_failing',
    '1 while the local disk takes no copies.',
  )

  readonly upstreamSeconds = this.#histogram(
    'upstream_request_duration_seconds',
    'Time from a request to upstream until its headers.',
    ['upstream', 'kind', 'method', 'status'],
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  )
  readonly breakerOpen = this.#gauge(
    'breaker_open',
    '1 while the endpoint is not asked because it keeps failing.',
    ['upstream', 'endpoint'],
  )
  readonly abuseLimited = this.#gauge(
    'abuse_limited',
    '1 while the endpoint is not asked because it refuses all requests as too many.',
    ['upstream', 'endpoint'],
  )
  readonly credentialsRefused = this.#gauge(
    'credentials_refused',
    '1 while credentials are taken for wrong, as they were when they were shown last.',
    ['upstream', 'endpoint', 'credential'],
  )
  readonly budgetLimit = this.#gauge('budget_limit', 'Pulls in one window, as upstream tells.', [
    'upstream',
    'endpoint',
    'credential',
  ])
  readonly budgetRemaining = this.#gauge(
    'budget_remaining',
    'Pulls that are left, as upstream told last.',
    ['upstream', 'endpoint', 'credential'],
  )

  readonly auditLines = this.#tally('audit_lines', 'Lines of the audit log.', ['outcome'])
  readonly auditFailing = this.#gauge('audit_failing', '1 while the audit log cannot be written.')

  readonly webhookEvents = this.#tally(
    'webhook_events',
    'Events that a webhook has taken or lost.',
    ['webhook', 'outcome'],
  )
  readonly webhookFailures = this.#tally('webhook_failures', 'Requests that a webhook failed.', [
    'webhook',
  ])
  readonly webhookQueued = this.#gauge(
    'webhook_queued',
    'Events that a webhook has not taken yet.',
    ['webhook'],
  )
  readonly webhookFailing = this.#gauge('webhook_failing', '1 while a webhook takes no events.', [
    'webhook',
  ])

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
    // A first fault would else be no increase: there was nothing that it could increase.
    for (const fault of FAULTS) this.lostContents.add(0, fault)
  }

  /** All of them but those of the process and of Node.js. */
  get descriptions(): readonly MetricDescription[] {
    return this.#descriptions
  }

  async scrape(): Promise<Scrape> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() }
  }

  #tally<Label extends string>(name: string, help: string, labels: readonly Label[]): Tally<Label> {
    return new Tally(this.#describe(`${name}_total`, help, 'counter', labels))
  }

  #reading(name: string, help: string): Reading {
    return new Reading(this.#describe(name, help, 'gauge', []))
  }

  #gauge<Label extends string>(
    name: string,
    help: string,
    labels: readonly Label[] = [],
  ): Gauge<Label> {
    return new Gauge(this.#describe(name, help, 'gauge', labels))
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    labels: readonly Label[],
    buckets: number[],
  ): Histogram<Label> {
    return new Histogram({ ...this.#describe(name, help, 'histogram', labels), buckets })
  }

  #describe<Label extends string>(
    suffix: string,
    help: string,
    type: MetricDescription['type'],
    labelNames: readonly Label[],
  ) {
    const name = `entrepot_${suffix}`
    this.#descriptions.push({ name, help, type, labelNames })
    return { name, help, labelNames, registers: [this.#registry] }
  }
}
