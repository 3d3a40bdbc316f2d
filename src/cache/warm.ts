import { formatImage, type ImageReference } from '../oci/reference.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import { Semaphore } from '../util/semaphore.ts'
import type { Fills } from './fills.ts'
import type { Leases } from './leases.ts'
import type { WarmedContent, WarmedImage, WarmRequest, WorkListener } from './operations.ts'
import { WarmImage, type WarmImageOptions, type WarmUpstream } from './warm-image.ts'
import { WarmProgress } from './warm-progress.ts'

/** Blobs that are waited for at once, whoever warms. */
const BLOBS_AT_ONCE = 3

const TELL_EVERY_MS = 200

export interface WarmOptions {
  /** By registry. */
  upstreams: ReadonlyMap<string, WarmUpstream>
  fills: Pick<Fills, 'get'>
  leases: Leases
  clock: Clock
  events: Pick<Events, 'warmFailed'>
}

/**
 * Pulls images ahead of the clients, by the fills that these would follow: what is held costs
 * nothing, what is under way is joined. Nothing is asked of an upstream whose limit is nearly used
 * up. All that a run has brought stays until the run has ended.
 */
export class Warm implements AsyncDisposable {
  readonly #options: WarmOptions
  readonly #turns = new Semaphore(BLOBS_AT_ONCE)
  readonly #runs = new Set<Promise<WarmedImage[]>>()
  readonly #lifetime = new AbortController()

  constructor(options: WarmOptions) {
    this.#options = options
  }

  /**
   * Warms one image after the other and tells what became of each. Rejects with the signal's
   * reason; fills that are under way then go on by themselves.
   */
  async run(
    request: WarmRequest,
    { signal, ...listener }: WorkListener<WarmedContent>,
  ): Promise<WarmedImage[]> {
    const either = AbortSignal.any([signal, this.#lifetime.signal])
    const run = this.#run(request, { ...listener, signal: either })
    this.#runs.add(run)
    try {
      return await run
    } finally {
      this.#runs.delete(run)
    }
  }

  /** Ends what is under way and waits for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort(new Error('the daemon is stopping'))
    await Promise.allSettled(this.#runs)
  }

  async #run(
    { images, platforms }: WarmRequest,
    { progress: tell, item, signal }: WorkListener<WarmedContent>,
  ): Promise<WarmedImage[]> {
    const { fills, leases } = this.#options
    const progress = new WarmProgress(fills, images.length)
    const over = new AbortController()
    const telling = this.#tellRegularly(() => tell(progress.current), over.signal)
    using held = new DisposableStack()
    const lease: WarmImageOptions['lease'] = (digest) => void held.use(leases.read(digest))
    const shared = { platforms, turns: this.#turns, lease, progress, item, signal }
    const warmed: WarmedImage[] = []
    try {
      for (const image of images) {
        signal.throwIfAborted()
        warmed.push(await this.#warm(image, shared))
        progress.settle()
      }
      return warmed
    } finally {
      over.abort()
      await telling
    }
  }

  async #warm(image: ImageReference, shared: WarmImageOptions): Promise<WarmedImage> {
    const { upstreams, events } = this.#options
    const upstream = upstreams.get(image.registry)
    if (!upstream) throw new RangeError(`there is no upstream ${image.registry}`)
    const warmed = await new WarmImage(image, upstream, shared).warm()
    if (warmed.failure) {
      const { reason, message } = warmed.failure
      events.warmFailed({ image: formatImage(image), reason, message })
    }
    return warmed
  }

  async #tellRegularly(tell: () => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      tell()
      await this.#options.clock.sleep(TELL_EVERY_MS, signal).catch(() => signal.aborted)
    }
  }
}
