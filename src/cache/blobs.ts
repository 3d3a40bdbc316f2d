import type { RepositoryId } from '../inventory/inventory.ts'
import { OCTET_STREAM, type Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { resolveRange, wholeRange } from '../oci/range.ts'
import type { Blob, BlobOptions, Outcome, PullOptions, Resolved, Source } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import { abortable } from '../util/abortable.ts'
import type { Fill } from './fill.ts'
import type { Fills } from './fills.ts'
import type { Holdings } from './holdings.ts'
import type { Links } from './links.ts'
import type { Uses } from './uses.ts'

export interface BlobsOptions {
  source: Source
  holdings: Holdings
  links: Links
  fills: Fills
  uses: Uses
}

/** How a blob is had; each is `undefined` where it is not to be had so. */
interface Ways<T> {
  held: () => Promise<T | undefined>
  filled: (fill: Fill, outcome: Outcome) => Promise<T | undefined>
}

/** The blobs of one upstream: from the store, from a fill that is under way, or by a new fill. */
export class Blobs {
  readonly #options: BlobsOptions

  constructor(options: BlobsOptions) {
    this.#options = options
  }

  async stat(
    repository: RepositoryId,
    digest: Digest,
    { signal }: PullOptions,
  ): Promise<Resolved | undefined> {
    const { source, links, fills, uses } = this.#options
    const content = await links.find(repository, digest, 'blob', signal)
    if (content) {
      uses.record(repository, digest)
      return { descriptor: descriptorOf(digest, content.sizeBytes), outcome: 'hit' }
    }
    const through = fills.get(digest)?.repository
    if (through && (await links.mayJoin(repository, through, digest, signal))) {
      const sizeBytes = await sizeOf(fills.get(digest), signal)
      if (sizeBytes !== undefined) {
        return { descriptor: descriptorOf(digest, sizeBytes), outcome: 'join' }
      }
    }
    return source.statBlob(repository.name, digest, { signal })
  }

  get(repository: RepositoryId, digest: Digest, options: BlobOptions): Promise<Blob | undefined> {
    return this.#obtain(repository, digest, options.signal, {
      held: () => this.#fromStore(repository, digest, options),
      filled: (fill, outcome) => follow(fill, outcome, options),
    })
  }

  /**
   * Has a blob kept without reading it, by the fill that a pull would follow; resolves when that
   * has ended. `undefined` where upstream does not have it; throws why it was not kept.
   */
  async fill(
    repository: RepositoryId,
    digest: Digest,
    { signal }: PullOptions,
  ): Promise<Outcome | undefined> {
    const { links } = this.#options
    const find = () => links.find(repository, digest, 'blob', signal)
    const outcome = await this.#obtain<Outcome>(repository, digest, signal, {
      held: async () => (await find()) && 'hit',
      filled: (fill, how) => kept(fill, how, signal),
    })
    // What came through another repository is not linked from this one yet.
    return outcome === 'join' ? (await find()) && outcome : outcome
  }

  async #obtain<T>(
    repository: RepositoryId,
    digest: Digest,
    signal: AbortSignal,
    ways: Ways<T>,
  ): Promise<T | undefined> {
    const { source, links, fills } = this.#options
    for (;;) {
      const endedBefore = fills.ended
      const held = await ways.held()
      if (held) return held
      const running = fills.get(digest)
      if (running) {
        if (!(await links.mayJoin(repository, running.repository, digest, signal))) return undefined
        if (fills.get(digest) !== running) continue
        const joined = await join(repository, running, signal, ways)
        if (joined !== 'refused') return joined
      } else if (fills.ended === endedBefore) {
        return ways.filled(fills.start(digest, repository, source), 'miss')
      }
      // A fill has ended since the store was looked at: what it brought may be there now.
    }
  }

  async #fromStore(
    repository: RepositoryId,
    digest: Digest,
    { range: spec, signal }: BlobOptions,
  ): Promise<Blob | undefined> {
    const { holdings, links, uses } = this.#options
    const content = await links.find(repository, digest, 'blob', signal)
    if (!content) return undefined
    const range = spec ? resolveRange(spec, content.sizeBytes) : wholeRange(content.sizeBytes)
    const body = await holdings.open(content, range)
    if (!body) return undefined
    uses.record(repository, digest)
    return { descriptor: descriptorOf(digest, content.sizeBytes), range, body, outcome: 'hit' }
  }
}

/** `refused` where upstream did not give it to another repository: that says nothing about this one. */
async function join<T>(
  { registry, name }: RepositoryId,
  fill: Fill,
  signal: AbortSignal,
  { filled }: Ways<T>,
): Promise<T | 'refused' | undefined> {
  const isOwn = fill.repository.registry === registry && fill.repository.name === name
  try {
    const joined = await filled(fill, 'join')
    if (joined || isOwn) return joined
  } catch (error) {
    if (isOwn || !(error instanceof UpstreamError)) throw error
  }
  await abortable(fill.ended, signal)
  return 'refused'
}

async function kept(
  fill: Fill,
  outcome: Outcome,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const end = await abortable(fill.ended, signal)
  if (end.kind === 'abandoned') throw end.cause
  return end.kind === 'committed' ? outcome : undefined
}

async function follow(
  fill: Fill,
  outcome: Outcome,
  { range, signal }: BlobOptions,
): Promise<Blob | undefined> {
  const followed = await fill.follow(range, signal)
  if (!followed) return undefined
  return {
    descriptor: descriptorOf(fill.digest, followed.sizeBytes),
    range: followed.range,
    body: followed.body,
    outcome: fill.isBypassed ? 'bypass' : outcome,
  }
}

/** `undefined` where the fill has ended or fails, which may be due to its own repository. */
async function sizeOf(fill: Fill | undefined, signal: AbortSignal): Promise<number | undefined> {
  try {
    return await fill?.sizeBytes(signal)
  } catch (error) {
    if (error instanceof UpstreamError) return undefined
    throw error
  }
}

function descriptorOf(digest: Digest, sizeBytes: number): Descriptor {
  return { mediaType: OCTET_STREAM, digest, sizeBytes }
}
