// @ts-check
import { bucketsOf, RANGES } from './buckets.js'
import { find, setText } from './dom.js'
import { countText, percentText, sizeText } from './format.js'
import { colour, Graph } from './graphs.js'

/**
 * @import { Api } from './api.js'
 * @import { StatsHistory, StatsSpan } from '../../../admin-stats.ts'
 */

const SIZE_STEPS = [0, 1, 2, 3, 4].flatMap((power) =>
  [1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((step) => step * 1024 ** power),
)

/** What was pulled in the time that is chosen: figures and graphs. */
export class Past {
  #api
  #ratio
  #bytes
  #range = RANGES['day']
  /** What was told of the range so far: what is past does not change. @type {StatsSpan[]} */
  #spans = []

  /** @param {Api} api */
  constructor(api) {
    this.#api = api
    this.#ratio = new Graph({
      element: find('ratio-graph', HTMLElement),
      reading: find('ratio-reading', HTMLElement),
      series: [line('accent')],
      range: [0, 1],
      splits: [0, 0.5, 1],
      text: percentText,
    })
    this.#bytes = new Graph({
      element: find('bytes-graph', HTMLElement),
      reading: find('bytes-reading', HTMLElement),
      series: [line('accent'), line('quiet')],
      bands: [{ series: [1, 2], fill: () => colour('saved') }],
      range: (_, _min, max) => [0, Math.max(max, 1024) * 1.05],
      steps: SIZE_STEPS,
      text: sizeText,
    })
  }

  /**
   * @param {string} name of a range
   * @returns {Promise<void>}
   */
  async choose(name) {
    this.#range = RANGES[name] ?? this.#range
    this.#spans = []
    await this.refresh()
  }

  async refresh() {
    const range = this.#range
    if (!range) return
    const nowMs = Date.now()
    const first = new Date(nowMs - range.lengthMs - range.unitMs).toISOString()
    const known = this.#spans.filter(({ start }) => start >= first)
    // The last may not have been over.
    const from = known.pop()?.start ?? first
    const query = new URLSearchParams({ resolution: range.resolution, from })
    /** @type {StatsHistory} */
    const { spans } = await this.#api.get(`stats/history?${query}`)
    // Another was chosen meanwhile.
    if (range !== this.#range) return
    this.#spans = [...known, ...spans]
    const { buckets, total } = bucketsOf(this.#spans, range, nowMs)
    const times = buckets.map(({ startMs }) => startMs / 1000)
    this.#ratio.show([times, buckets.map(({ counts }) => counts.ratio)])
    this.#bytes.show([
      times,
      buckets.map(({ isKnown, counts }) => (isKnown ? counts.servedBytes : null)),
      buckets.map(({ isKnown, counts }) => (isKnown ? counts.fetchedBytes : null)),
    ])
    const { ratio, servedBytes, fetchedBytes, pulls } = total
    const savedBytes = servedBytes - fetchedBytes
    setText(find('figure-ratio', HTMLElement), ratio === null ? '–' : percentText(ratio))
    setText(find('figure-saved', HTMLElement), sizeText(savedBytes))
    setText(find('figure-served', HTMLElement), sizeText(servedBytes))
    setText(find('figure-pulls', HTMLElement), countText(pulls))
    const nothing =
      pulls === 0 ? `No pulls in the ${range.name}, this ${range.resolution} aside.` : ''
    for (const id of ['ratio-graph', 'bytes-graph']) {
      find(id, HTMLElement).dataset['nothing'] = nothing
    }
    find('ratio-graph', HTMLElement).ariaLabel =
      ratio === null
        ? `Hit ratio: nothing was pulled in the ${range.name}`
        : `Hit ratio in the ${range.name}: ${percentText(ratio)}`
    find('bytes-graph', HTMLElement).ariaLabel =
      `Bytes in the ${range.name}: ${sizeText(servedBytes)} served, ${sizeText(fetchedBytes)} fetched`
  }
}

/** @param {string} name of its colour */
function line(name) {
  return { stroke: () => colour(name), width: 1.5, spanGaps: true, points: { show: false } }
}
