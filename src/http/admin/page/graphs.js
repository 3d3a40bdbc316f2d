// @ts-check
import uPlot from './uPlot.js'
import { setText } from './dom.js'
import { timeText } from './format.js'

const HEIGHT_PX = 180
const DAY_S = 24 * 60 * 60

/**
 * @typedef {object} GraphOptions
 * @property {HTMLElement} element where it is drawn
 * @property {HTMLElement} reading where the values under the pointer are told
 * @property {uPlot.Series[]} series
 * @property {uPlot.Band[]} [bands]
 * @property {uPlot.Scale.Range} range of the values
 * @property {number[] | undefined} [splits] where the values have lines
 * @property {number[]} [steps] how far those lines may be apart
 * @property {(value: number) => string} text of a value
 */

/** A colour of the page, as it is in the present theme. @param {string} name */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

/** A graph over time, as wide as its element. */
export class Graph {
  #plot

  /** @param {GraphOptions} options */
  constructor({ element, reading, series, bands = [], range, splits, steps, text }) {
    const axis = {
      stroke: () => colour('quiet'),
      font: '12px system-ui, sans-serif',
      ticks: { show: false },
    }
    /** @type {uPlot.Options} */
    const options = {
      width: element.clientWidth,
      height: HEIGHT_PX,
      padding: [8, 16, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 7, width: 0 }, drag: { setScale: false } },
      series: [{}, ...series],
      bands,
      scales: { y: { range } },
      axes: [
        { ...axis, grid: { show: false }, space: 70, size: 28, values: dateTexts },
        {
          ...axis,
          grid: { stroke: () => colour('line'), width: 1 },
          border: { show: false },
          size: 62,
          gap: 8,
          space: 36,
          values: (_, values) => values.map(text),
          ...(splits && { splits: () => splits }),
          ...(steps && { incrs: steps }),
        },
      ],
      hooks: {
        setCursor: [(plot) => setText(reading, readingOf(plot, text))],
      },
    }
    this.#plot = new uPlot(options, [[], ...series.map(() => [])], element)
    new ResizeObserver(() => {
      this.#plot.setSize({ width: element.clientWidth, height: HEIGHT_PX })
    }).observe(element)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#plot.redraw(false)
    })
  }

  /** @param {uPlot.AlignedData} data times in seconds first, then the values of each series */
  show(data) {
    this.#plot.setData(data)
  }
}

/**
 * @param {uPlot} plot
 * @param {(value: number) => string} text
 */
function readingOf({ cursor: { idx }, data }, text) {
  if (idx === null || idx === undefined) return ''
  const [times, ...lists] = data
  const values = lists.map((list) => list[idx])
  if (values.every((value) => typeof value !== 'number')) return ''
  const texts = values.map((value) => (typeof value === 'number' ? text(value) : '–'))
  return `${timeText((times[idx] ?? 0) * 1000)}  ${texts.join(' / ')}`
}

/**
 * @param {uPlot} _
 * @param {number[]} times
 * @param {number} __
 * @param {number} ___
 * @param {number} stepS
 */
function dateTexts(_, times, __, ___, stepS) {
  const options = /** @type {Intl.DateTimeFormatOptions} */ (
    stepS < DAY_S ? { hour: '2-digit', minute: '2-digit' } : { day: 'numeric', month: 'short' }
  )
  const format = new Intl.DateTimeFormat('en-GB', options)
  return times.map((time) => format.format(time * 1000))
}
