import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

interface CollectedGarbage {
  kind: 'tag' | 'manifest' | 'blob'
  repository: string
  tag: string | undefined
  digest: string
  bytes: number
  reason: string
}

/** What leaves hosted repositories without anybody's command. */
export class GarbageEvents {
  readonly #logger: Logger
  readonly #metrics: Metrics

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger
    this.#metrics = metrics
  }

  /** Blobs come in masses, each of a manifest that went before. */
  collected(event: CollectedGarbage): void {
    this.#metrics.collected.add(1, event.kind)
    this.#logger[event.kind === 'blob' ? 'debug' : 'info'](event, 'garbage collected')
  }
}
