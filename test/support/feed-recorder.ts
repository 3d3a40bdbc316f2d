import type { ContentEvent } from '../../src/telemetry/content-event.ts'
import type { FeedListener } from '../../src/telemetry/content-feed.ts'

/** Keeps all that it is told. */
export class FeedRecorder implements FeedListener {
  readonly events: ContentEvent[] = []
  settle: FeedListener['settle'] = () => Promise.resolve()

  wants(): boolean {
    return true
  }

  tell(event: ContentEvent): void {
    this.events.push(event)
  }

  /** Each in a line, as far as tests name it in advance. */
  get told(): string[] {
    return this.events.map(({ action, target: { repository, tag, digest } }) =>
      [action, repository, tag ?? '-', digest ?? '-'].join(' '),
    )
  }
}
