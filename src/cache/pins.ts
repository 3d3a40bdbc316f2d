import { setImmediate } from 'node:timers/promises'
import type { Image, Inventory } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { Clock } from '../util/clock.ts'
import type { ListedPin } from './operations.ts'
import { parsePinPattern, type Named } from './pin-pattern.ts'

const IMAGES_PER_QUERY = 100

export interface PinsOptions {
  inventory: Inventory
  clock: Clock
  /** Those of the configuration, which no command removes. */
  configured: string[]
}

interface LivePin {
  source: ListedPin['source']
  createdAtMs: number | undefined
  matches: (content: Named) => boolean
}

/** What is never evicted: by configuration, or by command until a command takes it back. */
export class Pins {
  readonly #inventory: Inventory
  readonly #clock: Clock
  readonly #pins = new Map<string, LivePin>()

  /** Throws InventoryError, and RangeError for what is no pattern. */
  static async open(options: PinsOptions): Promise<Pins> {
    const pins = new Pins(options)
    for (const { pattern, createdAtMs } of await options.inventory.pins()) {
      pins.#pins.set(pattern, { source: 'command', createdAtMs, matches: matcherOf(pattern) })
    }
    for (const pattern of options.configured) {
      const matches = matcherOf(pattern)
      pins.#pins.set(pattern, { source: 'config', createdAtMs: undefined, matches })
    }
    return pins
  }

  private constructor({ inventory, clock }: PinsOptions) {
    this.#inventory = inventory
    this.#clock = clock
  }

  get count(): number {
    return this.#pins.size
  }

  isPinned(content: Named): boolean {
    for (const { matches } of this.#pins.values()) if (matches(content)) return true
    return false
  }

  /** Changes nothing where the pattern is there. Throws RangeError for what is no pattern. */
  async add(pattern: string): Promise<void> {
    if (this.#pins.has(pattern)) return
    const matches = matcherOf(pattern)
    const createdAtMs = this.#clock.now()
    await this.#inventory.addPin({ pattern, createdAtMs })
    this.#pins.set(pattern, { source: 'command', createdAtMs, matches })
  }

  async remove(pattern: string): Promise<'removed' | 'absent' | 'configured'> {
    const pin = this.#pins.get(pattern)
    if (!pin) return 'absent'
    if (pin.source === 'config') return 'configured'
    await this.#inventory.dropPin(pattern)
    this.#pins.delete(pattern)
    return 'removed'
  }

  /** With what each holds at present, in order of pattern. */
  async list(): Promise<ListedPin[]> {
    const held = new Map(Array.from(this.#pins.keys(), (pattern) => [pattern, new Set<Digest>()]))
    if (held.size > 0) {
      for await (const image of this.#images()) {
        for (const [pattern, digests] of held) {
          if (this.#pins.get(pattern)?.matches(namedOf(image))) digests.add(image.digest)
        }
      }
    }
    const listed: ListedPin[] = []
    for (const [pattern, digests] of [...held].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const pin = this.#pins.get(pattern)
      // Removed meanwhile.
      if (!pin) continue
      const { source, createdAtMs } = pin
      const heldBytes = await this.#inventory.heldBytes([...digests])
      listed.push({ pattern, source, createdAtMs, images: digests.size, heldBytes })
    }
    return listed
  }

  async *#images(): AsyncIterable<Image> {
    let after: Image | undefined
    do {
      const query = { repository: undefined, after, limit: IMAGES_PER_QUERY }
      const page = await this.#inventory.images(query)
      yield* page
      after = page.length === IMAGES_PER_QUERY ? page.at(-1) : undefined
      // So that pulls get their turn.
      await setImmediate()
    } while (after)
  }
}

function matcherOf(pattern: string): LivePin['matches'] {
  const matches = parsePinPattern(pattern)
  if (!matches) throw new RangeError(`${pattern} is no pattern of images`)
  return matches
}

/** An image as a pattern sees it. */
export function namedOf({ digest, repository, tags }: Image): Named {
  return { digest, names: [{ repository, tags }] }
}
