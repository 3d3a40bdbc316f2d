import type { Logger } from './logger.ts'

interface TagEvent {
  upstream: string
  repository: string
  tag: string
}

/** Why a digest waits no longer: its time is over, by command, or what the tag was served as is gone. */
export type HoldEnd = 'over' | 'released' | 'nothing older'

/** What tags of upstreams are held to, in the log; what waits is counted when metrics are scraped. */
export class TagEvents {
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Upstream has moved a tag, which is served as before. */
  held(event: TagEvent & { digest: string; waiting: string }): void {
    this.#logger.info(event, 'tag held')
  }

  /** A tag is served as what waited. */
  letThrough(event: TagEvent & { digest: string; end: HoldEnd; waitedMs: number }): void {
    if (event.end === 'nothing older') this.#logger.warn(event, 'tag let through')
    else this.#logger.info(event, 'tag let through')
  }

  /** A tag stands for this digest from now on, whatever upstream says. */
  frozen(event: TagEvent & { digest: string }): void {
    this.#logger.info(event, 'tag frozen')
  }

  unfrozen(event: TagEvent): void {
    this.#logger.info(event, 'tag unfrozen')
  }
}
