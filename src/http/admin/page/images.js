// @ts-check
import { ImageDetails } from './image-details.js'
import { element, find, keyed, setText } from './dom.js'
import { agoText, digestText, sizeText } from './format.js'

/**
 * @import { ImageEntry, ImagePage } from '../../../admin-api.ts'
 * @import { Api } from './api.js'
 * @import { Actions } from './actions.js'
 */

const PAGE_IMAGES = 50
/** The most that the API tells at once. */
const MAX_IMAGES = 1000
const TYPING_MS = 200
/** All of them are told where the image is opened. */
const MAX_TAGS = 4

/** The images that match what is searched for, the first of them until more are wanted. */
export class Images {
  #api
  #actions
  #search = find('search', HTMLInputElement)
  #more = find('more', HTMLButtonElement)
  #none = find('no-images', HTMLElement)
  #wanted = PAGE_IMAGES
  #asked = 0
  #typed = 0
  #show

  /**
   * @param {Api} api
   * @param {Actions} actions
   */
  constructor(api, actions) {
    this.#api = api
    this.#actions = actions
    this.#show = keyed(
      find('image-list', HTMLElement),
      keyOf,
      (/** @type {ImageEntry} */ image) => new ImageRow(image, api, actions),
      (row, image) => row.show(image),
    )
    this.#search.addEventListener('input', () => {
      clearTimeout(this.#typed)
      this.#typed = setTimeout(() => this.#want(PAGE_IMAGES), TYPING_MS)
    })
    this.#more.addEventListener('click', () => this.#want(this.#wanted + PAGE_IMAGES))
  }

  /** Shows as many as before, as they are now. */
  async refresh() {
    const asked = ++this.#asked
    const search = this.#search.value.trim()
    const limit = String(this.#wanted)
    const query = new URLSearchParams({ limit, ...(search !== '' && { search }) })
    /** @type {ImagePage} */
    const { images, next } = await this.#api.get(`images?${query}`)
    // Something else was asked for meanwhile.
    if (asked !== this.#asked) return
    this.#show(images)
    this.#more.hidden = next === null || this.#wanted === MAX_IMAGES
    const none =
      search === '' ? 'Nothing is held yet: images come with the first pull.' : 'No image matches.'
    setText(this.#none, images.length > 0 ? '' : none)
  }

  /** @param {number} count */
  #want(count) {
    this.#wanted = Math.min(MAX_IMAGES, count)
    this.refresh().catch((error) => this.#actions.tell(error))
  }
}

/** @param {readonly string[]} tags */
function tagsText(tags) {
  const rest = tags.length - MAX_TAGS
  if (rest <= 1) return tags.join(', ')
  return `${tags.slice(0, MAX_TAGS).join(', ')} and ${rest} more`
}

/** @param {ImageEntry} image */
function keyOf({ repository, digest }) {
  return `${repository}@${digest}`
}

/** An image: what is known of it in a line, and the rest below where it is opened. */
class ImageRow {
  #name = element('span', 'name')
  #size = element('span', 'figure')
  #used = element('span', 'figure quiet')
  #marks = element('span', 'marks quiet')
  #opener
  #details

  /**
   * @param {ImageEntry} image
   * @param {Api} api
   * @param {Actions} actions
   */
  constructor(image, api, actions) {
    this.#details = new ImageDetails(image, api, actions)
    const summary = element('summary', 'image', this.#name, this.#marks, this.#size, this.#used)
    this.#opener = element('details', '', summary, this.#details.element)
    this.#opener.addEventListener('toggle', () => this.#lookUp())
    this.element = element('li', '', this.#opener)
  }

  /** @param {ImageEntry} image */
  show(image) {
    const { repository, tags, digest, bytes, missingBytes, usedAt, isPinned } = image
    const tag = element('b', '', tags.length > 0 ? `:${tagsText(tags)}` : `@${digestText(digest)}`)
    if (this.#name.textContent !== `${repository}${tag.textContent}`) {
      this.#name.replaceChildren(repository, tag)
    }
    setText(this.#size, sizeText(bytes))
    setText(this.#used, agoText(usedAt))
    const marks = [isPinned ? 'pinned' : '', missingBytes > 0 ? 'in part' : '']
    setText(this.#marks, marks.filter(Boolean).join(', '))
    this.#details.show(image)
    this.#lookUp()
  }

  #lookUp() {
    if (this.#opener.open) void this.#details.lookUp()
  }
}
