import { ContentFeed } from './content-feed.ts'
import { GarbageEvents } from './garbage-events.ts'
import { classOf, methodLabel } from './labels.ts'
import { LimitEvents } from './limit-events.ts'
import type { Logger } from './logger.ts'
import { LoginEvents } from './login-events.ts'
import type { Fault, Metrics } from './metrics.ts'
import {
  PULL_OUTCOMES,
  type PullCounts,
  type PullOutcome,
  type ServedRequest,
} from './served-request.ts'
import { TagEvents } from './tag-events.ts'
import { PulledImages } from './pulled-images.ts'
import { TopRepositories } from './top-repositories.ts'

/** Those for which upstream gave no content. */
const SAVING: ReadonlySet<PullOutcome> = new Set(['hit', 'join', 'stale'])

export interface FillEvent {
  upstream: string
  repository: string
  digest: string
  /** Bytes received so far. */
  bytes: number
  totalBytes: number | undefined
}

export interface EndedFill extends FillEvent {
  durationMs: number
}

export interface UpstreamAnswer {
  upstream: string
  kind: 'manifest' | 'blob' | 'tags' | 'referrers' | 'token' | 'version'
  method: string
  /** `error` where no answer came. */
  status: number | 'error'
  /** Until the headers. */
  durationMs: number
}

export type BreakerState = 'closed' | 'open' | 'half-open'

export interface CredentialsJudgment {
  upstream: string
  endpoint: string
  credential: string
  isRefused: boolean
}

export interface TagEvent {
  upstream: string
  repository: string
  tag: string
}

export interface FailedOperation {
  operation: string
  /** The content it was about. */
  digest: string | undefined
  error: unknown
}

/** Which limit wanted it, or who. */
export type EvictionReason = 'ttl' | 'space' | 'free' | 'command' | 'purge' | 'gc'

export interface EvictedImage {
  reason: EvictionReason
  /** Of the image; what went with it is counted. */
  digest: string
  contents: number
  bytes: number
}

export interface EvictionPassed {
  images: number
  contents: number
  bytes: number
  durationMs: number
}

export interface EndedJob {
  job: string
  durationMs: number
  /** What it has done, in numbers with names. */
  result: Readonly<Record<string, number>>
}

export interface SweptPlace {
  action: 'adopt' | 'quarantine' | 'forget' | 'remove'
  /** A digest, or the name of a file. */
  name: string
  bytes: number
  reason: string
}

export interface LostContent {
  upstream: string
  repository: string
  digest: string
}

/** What the daemon says of itself when it is ready. */
export interface StartedDaemon {
  version: string
  address: string
  adminAddress: string
  /** What to put into a client's `daemon.json` on this machine. */
  'registry-mirrors': string[]
  data: string
  upstreams: string[]
}

/** Totals since the start. */
export interface Totals {
  pulls: PullCounts
  /** `served`: of manifests and blobs. */
  bytes: { served: number; fetched: number }
  /** Contents that were found missing or wrong. */
  lostContents: number
}

/**
 * What happens, one method an event: the log line and the counter together, so that neither can
 * be had without the other. Labels come from closed sets; repositories and digests are in log
 * lines alone.
 */
export class Events {
  /** What becomes of content, for who listens. */
  readonly feed = new ContentFeed()
  readonly garbage: GarbageEvents
  /** About the limits of upstreams. */
  readonly limits: LimitEvents
  readonly logins: LoginEvents
  /** About what tags are held to. */
  readonly tags: TagEvents
  /** Of what most went to clients. */
  readonly top = new TopRepositories()
  readonly pulledImages = new PulledImages()
  readonly #logger: Logger
  readonly #metrics: Metrics

  constructor(logger: Logger, metrics: Metrics) {
    this.garbage = new GarbageEvents(logger, metrics)
    this.limits = new LimitEvents(logger, metrics)
    this.logins = new LoginEvents(logger, metrics)
    this.tags = new TagEvents(logger)
    this.#logger = logger
    this.#metrics = metrics
  }

  /**
   * A pull is a GET or HEAD of a manifest or blob with an outcome that was answered 2xx, 304 or 307.
   * `error` says why it was not answered well, where that is known.
   */
  requestServed(request: ServedRequest, error: unknown): void {
    const { kind, status, outcome, upstream, repository, digest, bytes } = request
    this.#metrics.requests.add(1, kind, methodLabel(request.method), classOf(status))
    const isAnswered = (status >= 200 && status < 300) || status === 304 || status === 307
    if (isAnswered) this.#metrics.servedBytes.add(bytes, kind)
    const isPull = kind === 'manifest' || kind === 'blob'
    if (isPull && outcome && upstream && isAnswered) {
      this.#metrics.pulls.add(1, outcome, kind, upstream)
      const isSaved = kind === 'manifest' && request.method === 'GET' && SAVING.has(outcome)
      if (isSaved) this.#metrics.savedPulls.add(1, upstream)
      if (repository) this.top.add({ upstream, repository, outcome, bytes })
      if (repository && digest) this.pulledImages.add({ upstream, repository, digest, outcome })
    }
    // One object inside the line: pino leaves it to JSON.stringify, at half the price of fields.
    const line = { request, error }
    if (status >= 500 && kind !== 'health') this.#logger.warn(line, 'request')
    else if (kind === 'health' || kind === 'admin') this.#logger.debug(line, 'request')
    else this.#logger.info(line, 'request')
  }

  /** A request met an error that nobody foresaw. */
  requestFailed(event: { method: string; path: string; error: unknown }): void {
    this.#metrics.failures.add(1, 'http', 'request')
    const stack = event.error instanceof Error ? event.error.stack : undefined
    this.#logger.error({ ...event, stack }, 'request failed')
  }

  /** A connection could not be taken in: the process is out of descriptors or memory. */
  connectionFailed(event: { error: unknown }): void {
    this.#metrics.failures.add(1, 'http', 'accept')
    this.#logger.error(event, 'connection failed')
  }

  /** Logged only: it is counted when it has ended. */
  fillStarted(event: FillEvent): void {
    this.#logger.debug(event, 'fill started')
  }

  /** Upstream cut the answer and the fill goes on from where it was. */
  fillResumed(event: FillEvent & { error: unknown }): void {
    this.#metrics.fillResumes.add(1, event.upstream)
    this.#logger.warn(event, 'fill resumed')
  }

  fillCommitted(event: EndedFill): void {
    this.#metrics.fills.add(1, event.upstream, 'committed')
    this.#logger.info(event, 'fill committed')
  }

  fillAbandoned(event: EndedFill & { error: unknown }): void {
    this.#metrics.fills.add(1, event.upstream, 'abandoned')
    this.#logger.warn(event, 'fill abandoned')
  }

  /** Counted only: it comes with each chunk. */
  bytesFetched(upstream: string, bytes: number): void {
    this.#metrics.fetchedBytes.add(bytes, upstream)
  }

  upstreamAnswered(answer: UpstreamAnswer): void {
    const { upstream, kind, method, status, durationMs } = answer
    const statusClass = status === 'error' ? status : classOf(status)
    this.#metrics.upstreamSeconds
      .labels(upstream, kind, methodLabel(method), statusClass)
      .observe(durationMs / 1000)
    this.#logger.debug(answer, 'upstream answered')
  }

  /** Logged only, once at the start: who is in between can read or pose as the upstream. */
  upstreamInsecure(event: { upstream: string; url: string }): void {
    this.#logger.warn(event, 'upstream is reached without encryption or proof of who it is')
  }

  /** Counted only: nothing is known of it yet, which is no trouble. */
  endpointOpened({ upstream, endpoint }: { upstream: string; endpoint: string }): void {
    this.#metrics.breakerOpen.labels(upstream, endpoint).set(0)
    this.#metrics.abuseLimited.labels(upstream, endpoint).set(0)
  }

  /** Logged only: those of before are used on. */
  credentialsKept(event: { upstream: string; error: Error }): void {
    this.#logger.warn(event, 'credentials were not renewed')
  }

  /** They are taken for wrong; or no longer so. */
  credentialsJudged(event: CredentialsJudgment): void {
    const { upstream, endpoint, credential, isRefused } = event
    this.#metrics.credentialsRefused.labels(upstream, endpoint, credential).set(isRefused ? 1 : 0)
    if (isRefused) this.#logger.warn(event, 'upstream refuses our credentials')
    else this.#logger.info(event, 'upstream takes our credentials again')
  }

  breakerChanged(event: { upstream: string; endpoint: string; state: BreakerState }): void {
    const { upstream, endpoint, state } = event
    this.#metrics.breakerOpen.labels(upstream, endpoint).set(state === 'closed' ? 0 : 1)
    if (event.state === 'open') this.#logger.warn(event, 'upstream is not asked for a while')
    else this.#logger.info(event, 'upstream breaker changed')
  }

  revalidationFailed(event: TagEvent & { error: unknown }): void {
    this.#metrics.revalidationFailures.add(1, event.upstream)
    this.#logger.warn(event, 'revalidation failed')
  }

  /** Logged only: the pull's outcome counts it. */
  servedStale(event: TagEvent & { ageMs: number }): void {
    this.#logger.debug(event, 'served stale')
  }

  /** That there is no space, or that S3 is down, is told when it begins and ends. */
  storeFailed(event: FailedOperation): void {
    this.#metrics.failures.add(1, 'store', event.operation)
    const { error } = event
    const kind = error instanceof Error && 'kind' in error ? error.kind : undefined
    const isKnown = kind === 'no-space' || kind === 'unasked'
    this.#logger[isKnown ? 'debug' : 'error'](event, 'store failed')
  }

  /** Content on record is gone or wrong. It is set aside and forgotten, and will be filled again. */
  contentLost(event: { digest: string; fault: Fault }): void {
    this.#metrics.lostContents.add(1, event.fault)
    this.#logger.error(event, 'content lost')
  }

  /** An image, or what was left of one, was evicted. */
  evicted(event: EvictedImage): void {
    this.#metrics.evictedBytes.add(event.bytes, event.reason)
    this.#metrics.evictedContents.add(event.contents, event.reason)
    this.#logger.debug(event, 'evicted')
  }

  evictionPassed(event: EvictionPassed): void {
    if (event.contents > 0) this.#logger.info(event, 'eviction passed')
    else this.#logger.debug(event, 'eviction passed')
  }

  /** More should go, but all that is left is pinned or in use; or no longer so. */
  evictionStuck(event: { isStuck: boolean; reason?: EvictionReason; bytes?: number }): void {
    this.#metrics.evictionStuck.set(event.isStuck ? 1 : 0)
    if (event.isStuck) this.#logger.warn(event, 'nothing more may be evicted')
    else this.#logger.info(event, 'eviction goes on')
  }

  /** While space is full, pulls go past the cache. */
  spaceChanged(event: { isFull: boolean }): void {
    this.#metrics.spaceFull.set(event.isFull ? 1 : 0)
    if (event.isFull) this.#logger.warn(event, 'space is full, nothing new is kept')
    else this.#logger.info(event, 'space is back')
  }

  /** Counted only: the fill that is not kept is logged. */
  keepingRefused(): void {
    this.#metrics.refusals.add(1)
  }

  /** Content that is pinned was lost, and could not be filled again at once. */
  refillFailed(event: LostContent & { error: unknown }): void {
    this.#metrics.failures.add(1, 'cache', 'refill')
    this.#logger.warn(event, 'refill failed')
  }

  /** An image was not pulled ahead, or not as a whole. */
  warmFailed(event: { image: string; reason: string; message: string }): void {
    this.#metrics.failures.add(1, 'cache', 'warm')
    this.#logger.warn(event, 'warming failed')
  }

  /** Store and inventory were made to match in one place. Many are adopted when an inventory was lost. */
  swept(event: SweptPlace): void {
    this.#metrics.swept.add(1, event.action)
    this.#logger[event.action === 'adopt' ? 'debug' : 'info'](event, 'swept')
  }

  inventoryFailed(event: FailedOperation): void {
    this.#metrics.failures.add(1, 'inventory', event.operation)
    this.#logger.error(event, 'inventory failed')
  }

  jobStarted(event: { job: string }): void {
    this.#logger.debug(event, 'job started')
  }

  /** A run that had nothing to do is not worth a line. */
  jobEnded(event: EndedJob): void {
    this.#metrics.jobRuns.add(1, event.job, 'ended')
    const hasNews = Object.values(event.result).some((count) => count > 0)
    this.#logger[hasNews ? 'info' : 'debug'](event, 'job ended')
  }

  jobFailed(event: { job: string; error: unknown }): void {
    this.#metrics.jobRuns.add(1, event.job, 'failed')
    this.#logger.error(event, 'job failed')
  }

  started(daemon: StartedDaemon): void {
    this.#logger.info(daemon, 'started')
  }

  stopping(): void {
    this.#logger.info('stopping')
  }

  stopped(): void {
    this.#logger.info('stopped')
  }

  /** The counters' own numbers, for who wants them without a scrape. */
  totals(): Totals {
    const { pulls, servedBytes, fetchedBytes, lostContents } = this.#metrics
    const byOutcome = PULL_OUTCOMES.map((outcome) => [outcome, pulls.total('outcome', outcome)])
    return {
      pulls: Object.fromEntries(byOutcome) as PullCounts,
      bytes: {
        served: servedBytes.total('kind', 'manifest') + servedBytes.total('kind', 'blob'),
        fetched: fetchedBytes.total(),
      },
      lostContents: lostContents.total(),
    }
  }
}
