import type { Digest } from '../oci/digest.ts'
import type { RepositoryId } from '../inventory/inventory.ts'
import type { Source } from '../oci/source.ts'
import type { Events, FillEvent } from '../telemetry/events.ts'
import { traceFill } from '../telemetry/tracing.ts'
import { abortable } from '../util/abortable.ts'
import type { Clock } from '../util/clock.ts'
import { mirrored } from './content-changes.ts'
import { Fill, type FillOptions, type FillStatus } from './fill.ts'

export interface FillsOptions {
  spools: FillOptions['spools']
  admit: FillOptions['admit']
  /** Keeps a blob that is whole and links it from the repository through which it was filled. */
  commit: (repository: RepositoryId, ...args: Parameters<FillOptions['commit']>) => Promise<void>
  clock: Clock
  /** A fill fails when upstream has given it no byte for this long. */
  giveUpAfterMs: number
  events: Events
}

/** The downloads in flight, at most one for a digest. */
export class Fills implements AsyncDisposable {
  readonly #options: FillsOptions
  readonly #live = new Map<Digest, Fill>()
  #ended = 0

  constructor(options: FillsOptions) {
    this.#options = options
  }

  /** How many fills have ended; who finds it changed has to look into the store again. */
  get ended(): number {
    return this.#ended
  }

  get(digest: Digest): Fill | undefined {
    return this.#live.get(digest)
  }

  /** Starts a fill of a digest that has none. */
  start(digest: Digest, repository: RepositoryId, source: Source): Fill {
    const { spools, admit, commit, clock, giveUpAfterMs, events } = this.#options
    const startedAtMs = clock.now()
    const trace = traceFill({
      'entrepot.upstream': repository.registry,
      'entrepot.repository': repository.name,
      'entrepot.digest': digest,
    })
    const options: FillOptions = {
      source,
      repository,
      digest,
      spools,
      admit,
      clock,
      giveUpAfterMs,
      commit: (...args) => commit(repository, ...args),
      onResume: (error) => events.fillResumed({ ...eventOf(fill.status), error }),
      onReleaseFailure: (error) => events.storeFailed({ operation: 'release', digest, error }),
      onEnd: (end) => {
        this.#live.delete(digest)
        this.#ended++
        const event = { ...eventOf(fill.status), durationMs: clock.now() - startedAtMs }
        const error = end.kind === 'abandoned' ? end.cause : undefined
        trace.end({ 'entrepot.end': end.kind, 'entrepot.bytes': event.bytes }, error)
        if (end.kind === 'committed') {
          events.fillCommitted(event)
          events.feed.tell(mirrored(repository, { digest, sizeBytes: event.bytes }))
        }
        if (end.kind === 'abandoned') events.fillAbandoned({ ...event, error })
      },
    }
    const fill = trace.within(() => new Fill(options))
    this.#live.set(digest, fill)
    events.fillStarted(eventOf(fill.status))
    return fill
  }

  list(): FillStatus[] {
    return [...this.#live.values()].map((fill) => fill.status)
  }

  /** Lets the fills come to their end until the signal is aborted, then ends them. */
  async drain(signal: AbortSignal): Promise<void> {
    try {
      await abortable(this.#allEnded(), signal)
    } catch {
      // The deadline has passed: what is left is cut off.
      for (const fill of this.#live.values()) fill.abandon(new Error('the mirror is stopping'))
      await this.#allEnded()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(AbortSignal.abort())
  }

  async #allEnded(): Promise<void> {
    await Promise.all(Array.from(this.#live.values(), (fill) => fill.ended))
  }
}

function eventOf({ repository, digest, bytes, totalBytes }: FillStatus): FillEvent {
  return { upstream: repository.registry, repository: repository.name, digest, bytes, totalBytes }
}
