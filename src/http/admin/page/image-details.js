// @ts-check
import { button, element, setText } from './dom.js'
import { agoText, countText, digestText, percentText, sizeText, timeText } from './format.js'
import { sumOf } from './pulls.js'

/**
 * @import { ImageEntry, PlatformList, TagHistory } from '../../../admin-api.ts'
 * @import { Actions } from './actions.js'
 * @import { Api } from './api.js'
 */

/** Of an image with more tags, the history of the first is shown. */
const MAX_HISTORIES = 3

/** All that is known of an image, and what can be done with it. */
export class ImageDetails {
  #api
  #actions
  #image
  #facts = element('dl', 'facts')
  #platforms = element('dd', '')
  #history = element('div', 'history')
  #pin

  /**
   * @param {ImageEntry} image
   * @param {Api} api
   * @param {Actions} actions
   */
  constructor(image, api, actions) {
    this.#api = api
    this.#actions = actions
    this.#image = image
    this.#pin = button('Pin', () => void this.#actions.togglePin(this.#image))
    const warm = button('Fetch now', () => void this.#actions.warm(this.#image))
    const purge = button('Purge', () => void this.#actions.purge(this.#image))
    this.element = element(
      'div',
      'details',
      this.#facts,
      this.#history,
      element('div', 'buttons', warm, this.#pin, purge),
    )
  }

  /** @param {ImageEntry} image */
  show(image) {
    this.#image = image
    this.#pin.textContent = image.isPinned ? 'Unpin' : 'Pin'
    const { tags, digest, mediaType, bytes, sharedBytes, missingBytes, storedAt, usedAt } = image
    const shared = sharedBytes > 0 ? `, of which ${sizeText(sharedBytes)} shared with others` : ''
    /** @type {[string, string][]} */
    const facts = [
      ['Digest', digest],
      ['Type', mediaType],
      ['Size', `${sizeText(bytes)}${shared}`],
      ['Stored', timeText(storedAt)],
      ['Last use', `${timeText(usedAt)}, ${agoText(usedAt)}`],
      ['Pulls', pullsText(image.pulls)],
    ]
    if (missingBytes > 0)
      facts.push(['Missing', `${sizeText(missingBytes)}, fetched with the next pull`])
    if (tags.length > 1) facts.unshift(['Tags', tags.join(', ')])
    this.#facts.replaceChildren(
      element('div', '', element('dt', '', 'Platforms'), this.#platforms),
      ...facts.map(([name, text]) =>
        element('div', '', element('dt', '', name), element('dd', '', text)),
      ),
    )
  }

  /** Looks up what it is for, and what its tags have stood for. */
  async open() {
    const { repository, tags, digest } = this.#image
    try {
      const [, ...histories] = await Promise.all([
        this.#showPlatforms(digest),
        ...tags.slice(0, MAX_HISTORIES).map((tag) => this.#historyOf(`${repository}:${tag}`)),
      ])
      this.#history.replaceChildren(...histories)
    } catch (error) {
      this.#actions.tell(error)
    }
  }

  /** @param {string} digest */
  async #showPlatforms(digest) {
    /** @type {PlatformList} */
    const { platforms } = await this.#api.get(`platforms?${new URLSearchParams({ digest })}`)
    const texts = platforms.map(({ platform, isHeld }) =>
      isHeld ? platform : `${platform} (not held)`,
    )
    setText(this.#platforms, texts.join(', ') || 'not told')
  }

  /** @param {string} reference */
  async #historyOf(reference) {
    /** @type {TagHistory} */
    const { tag, history } = await this.#api.get(`history?${new URLSearchParams({ reference })}`)
    const rows = history.map(({ digest, firstSeen, lastSeen, servedSince }) =>
      element(
        'li',
        'row',
        element('code', '', digestText(digest)),
        element(
          'span',
          'quiet',
          `${timeText(firstSeen)} to ${timeText(lastSeen)}${servedSince === null ? ', never served' : ''}`,
        ),
      ),
    )
    const list = element('ol', 'rows', ...rows)
    list.role = 'list'
    return element('div', '', element('h3', '', `What ${tag} has stood for`), list)
  }
}

/** @param {ImageEntry['pulls']} pulls */
function pullsText(pulls) {
  const { all, ratio } = sumOf(pulls)
  const hits = ratio === null ? '' : `, ${percentText(ratio)} hits`
  return `${countText(all)} since the start${hits}`
}
