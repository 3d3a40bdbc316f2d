// @ts-check
import { button, element } from './dom.js'
import { agoText, countText, digestText, percentText, sizeText, timeText } from './format.js'
import { sumOf } from './pulls.js'

/**
 * @import { ImageEntry, PlatformEntry, PlatformList, TagHistory } from '../../../admin-api.ts'
 * @import { Actions } from './actions.js'
 * @import { Api } from './api.js'
 */

/** Of an image with more tags, the history of the first is shown. */
const MAX_HISTORIES = 3
const MAX_SIGHTINGS = 8

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
  async lookUp() {
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
    const held = namesOf(platforms.filter(({ isHeld }) => isHeld))
    const missing = namesOf(platforms.filter(({ isHeld }) => !isHeld))
    this.#platforms.replaceChildren(held || (missing === '' ? 'not told' : 'none'))
    if (missing !== '') this.#platforms.append(element('span', 'quiet', `; not held: ${missing}`))
  }

  /** @param {string} reference */
  async #historyOf(reference) {
    /** @type {TagHistory} */
    const { tag, history } = await this.#api.get(`history?${new URLSearchParams({ reference })}`)
    const last = history.slice(0, MAX_SIGHTINGS)
    const rows = last.map(({ digest, firstSeen, lastSeen, servedSince }) =>
      element(
        'li',
        'row',
        element('code', '', digestText(digest)),
        element('span', 'name quiet', servedSince === null ? 'never served' : ''),
        element('span', 'quiet', `${timeText(firstSeen)} to ${timeText(lastSeen)}`),
      ),
    )
    if (history.length > last.length) {
      rows.push(element('li', 'quiet', `and ${history.length - last.length} before`))
    }
    const list = element('ol', 'rows', ...rows)
    list.role = 'list'
    return element('div', '', element('h3', '', `What ${tag} has stood for`), list)
  }
}

/** @param {PlatformEntry[]} platforms */
function namesOf(platforms) {
  return platforms.map(({ platform }) => platform).join(', ')
}

/** @param {ImageEntry['pulls']} pulls */
function pullsText(pulls) {
  const { all, ratio } = sumOf(pulls)
  const hits = ratio === null ? '' : `, ${percentText(ratio)} hits`
  return `${countText(all)} since the start${hits}`
}
