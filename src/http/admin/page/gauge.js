// @ts-check
import { bar, element, setText } from './dom.js'

/** A part of a whole as a bar, with both as text. */
export class Gauge {
  #left = element('span', '')
  #right = element('span', 'quiet')
  #bar

  /** @param {string} label */
  constructor(label) {
    this.#bar = bar('meter', label)
    this.element = element(
      'div',
      'gauge',
      element('div', 'row', this.#left, this.#right),
      this.#bar.element,
    )
  }

  /**
   * @param {object} values
   * @param {number} values.ratio
   * @param {string} values.text
   * @param {string} values.aside
   * @param {'well' | 'bad'} values.state
   */
  show({ ratio, text, aside, state }) {
    setText(this.#left, text)
    setText(this.#right, aside)
    this.#bar.set(ratio, text)
    this.element.classList.toggle('bad', state === 'bad')
  }
}
