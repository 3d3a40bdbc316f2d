// @ts-check
import { bar, element, setText } from './dom.js'
import { countText, digestText, sizeText, spanText } from './format.js'

/**
 * @import { Stats } from '../../../admin-stats.ts'
 * @typedef {Stats['fills'][number]} Fill
 */

/** Content on its way, and how fast it comes. */
export class FillRow {
  #figures = element('span', 'quiet figure')
  #bar

  /** @param {Fill} fill */
  constructor({ repository, digest }) {
    this.#bar = bar('progressbar', `${repository} ${digestText(digest)}`)
    const title = element('span', 'name', repository, ' ', element('code', '', digestText(digest)))
    this.element = element(
      'li',
      'fill',
      element('div', 'row', title, this.#figures),
      this.#bar.element,
    )
  }

  /** @param {Fill} fill */
  show({ bytes, totalBytes, bytesPerSecond, remainingMs, followers }) {
    const size =
      totalBytes === null ? sizeText(bytes) : `${sizeText(bytes)} of ${sizeText(totalBytes)}`
    const parts = [size]
    if (bytesPerSecond > 0) parts.push(`${sizeText(bytesPerSecond)}/s`)
    if (remainingMs !== null) parts.push(`${spanText(remainingMs)} left`)
    parts.push(countText(followers, 'client'))
    // Lines break between them alone.
    setText(this.#figures, parts.map((part) => part.replaceAll(' ', '\u00a0')).join(' · '))
    this.#bar.set(totalBytes === null ? null : bytes / totalBytes, size)
  }
}
