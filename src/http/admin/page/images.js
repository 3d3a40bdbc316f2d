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
const TYPING_MS = 200

/** The images that match what is searched for, a page at a time. */
export class Images {
  #api
  #actions
  #search = find('search', HTMLInputElement)
  #more = find('more', HTMLButtonElement)
  /** @type {ImageEntry[]} */
  #shown = []
  /** @type {string | null} */
  #next = null
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
      this.#typed = setTimeout(() => void this.#load(PAGE_IMAGES), TYPING_MS)
    })
    this.#more.addEventListener('click', () => void this.#loadMore())
  }

  /** As many as are shown, as they are now. */
  async refresh() {
    await this.#load(Math.max(PAGE_IMAGES, this.#shown.length))
  }

  /** @param {number} limit */
  async #load(limit) {
    const page = await this.#ask({ limit: String(limit) })
    if (!page) return
    this.#shown = page.images
    this.#show(this.#shown)
    setText(
      find('no-images', HTMLElement),
      this.#search.value === '' ? 'Nothing is held yet.' : 'No image matches.',
    )
    find('no-images', HTMLElement).hidden = page.images.length > 0
  }

  async #loadMore() {
    const page = await this.#ask({ limit: String(PAGE_IMAGES), after: this.#next ?? '' })
    if (!page) return
    this.#shown = [...this.#shown, ...page.images]
    this.#show(this.#shown)
  }

  /**
   * @param {Record<string, string>} query
   * @returns {Promise<ImagePage | undefined>} nothing where something else was asked for meanwhile, or it failed
   */
  async #ask(query) {
    const asked = ++this.#asked
    const search = this.#search.value.trim()
    const parameters = new URLSearchParams({ ...query, ...(search !== '' && { search }) })
    try {
      /** @type {ImagePage} */
      const page = await this.#api.get(`images?${parameters}`)
      if (asked !== this.#asked) return undefined
      this.#next = page.next
      this.#more.hidden = page.next === null
      return page
    } catch (error) {
      this.#actions.tell(error)
      return undefined
    }
  }
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
  #details

  /**
   * @param {ImageEntry} image
   * @param {Api} api
   * @param {Actions} actions
   */
  constructor(image, api, actions) {
    this.#details = new ImageDetails(image, api, actions)
    const summary = element('summary', 'image', this.#name, this.#marks, this.#size, this.#used)
    const opener = element('details', '', summary, this.#details.element)
    opener.addEventListener('toggle', () => {
      if (opener.open) void this.#details.open()
    })
    this.element = element('li', '', opener)
  }

  /** @param {ImageEntry} image */
  show(image) {
    const { repository, tags, digest, bytes, missingBytes, usedAt, isPinned } = image
    const tag = element('b', '', tags.length > 0 ? `:${tags.join(', ')}` : `@${digestText(digest)}`)
    if (this.#name.textContent !== `${repository}${tag.textContent}`) {
      this.#name.replaceChildren(repository, tag)
    }
    setText(this.#size, sizeText(bytes))
    setText(this.#used, agoText(usedAt))
    const marks = [isPinned ? 'pinned' : '', missingBytes > 0 ? 'in part' : '']
    setText(this.#marks, marks.filter(Boolean).join(', '))
    this.#details.show(image)
  }
}
