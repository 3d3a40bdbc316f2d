// @ts-check
import { confirmed } from './dialogs.js'
import { find, setText } from './dom.js'
import { countText, percentText, sizeText } from './format.js'

/**
 * @import { HoldEntry, ImageEntry } from '../../../admin-api.ts'
 * @import { Api } from './api.js'
 */

/** Long enough to be read, and to be read aloud. */
const SAID_FOR_MS = 15_000

/** What can be done from the page. Each tells how it went, and whatever is shown is shown anew. */
export class Actions {
  #api
  #refresh
  #said = 0

  /**
   * @param {Api} api
   * @param {() => Promise<void>} refresh
   */
  constructor(api, refresh) {
    this.#api = api
    this.#refresh = refresh
  }

  /** @param {ImageEntry} image */
  async purge(image) {
    const reference = referenceOf(image)
    const mostBytes = image.bytes - image.sharedBytes
    const text = `Up to ${sizeText(mostBytes)} are freed. The next pull fetches it again.`
    if (!(await confirmed({ title: `Purge ${reference}?`, text, yes: 'Purge' }))) return
    await this.#act(async () => {
      const purged = await this.#api.work('purge', { reference }, () => {})
      const { tags, contents, bytes, unlinked } = purged
      if (contents === 0 && tags + unlinked > 0)
        return `Purged ${reference}: others need what it was.`
      return `Purged ${reference}: ${countText(contents, 'content')}, ${sizeText(bytes)}.`
    })
  }

  /** @param {ImageEntry} image */
  async togglePin(image) {
    const pattern = referenceOf(image)
    if (!image.isPinned) {
      const text = 'It stays until it is unpinned, however full it gets.'
      if (!(await confirmed({ title: `Pin ${pattern}?`, text, yes: 'Pin' }))) return
      await this.#act(async () => {
        await this.#api.send('POST', 'pins', { pattern })
        return `Pinned ${pattern}.`
      })
      return
    }
    const text = 'It may be evicted again when it was not used for long.'
    if (!(await confirmed({ title: `Unpin ${pattern}?`, text, yes: 'Unpin' }))) return
    await this.#act(async () => {
      await this.#api.send('DELETE', `pins?${new URLSearchParams({ pattern })}`)
      return `Unpinned ${pattern}.`
    })
  }

  /** @param {ImageEntry} image */
  async warm(image) {
    const reference = referenceOf(image)
    const text = 'The tag is asked for, and what is not held of it is fetched, for all platforms.'
    if (!(await confirmed({ title: `Fetch ${reference}?`, text, yes: 'Fetch' }))) return
    await this.#act(async () => {
      const {
        images: [warmed],
      } = await this.#api.work('warm', { images: [reference] }, (line) => {
        if (!('progress' in line)) return
        const { done, total } = line.progress
        const part = total === null || total === 0 ? sizeText(done) : percentText(done / total)
        this.#say(`Fetching ${reference}: ${part}`)
      })
      if (warmed?.error) return `${reference} was not fetched as a whole: ${warmed.error.message}`
      return `${reference} is here: ${sizeText(warmed?.fetchedBytes ?? 0)} were fetched.`
    })
  }

  /** @param {HoldEntry} hold */
  async release({ repository, tag, newDigest }) {
    const reference = `${repository}:${tag}`
    const text = `From now on it is served as ${newDigest}.`
    if (!(await confirmed({ title: `Release ${reference}?`, text, yes: 'Release' }))) return
    await this.#act(async () => {
      await this.#api.send('POST', 'release', { reference })
      return `Released ${reference}.`
    })
  }

  /**
   * What went wrong.
   *
   * @param {unknown} error
   */
  tell(error) {
    this.#say(error instanceof Error ? error.message : String(error))
  }

  /** @param {() => Promise<string>} act resolves to what it has done */
  async #act(act) {
    try {
      this.#say(await act())
      await this.#refresh()
    } catch (error) {
      this.tell(error)
    }
  }

  /** @param {string} text */
  #say(text) {
    const told = find('told', HTMLElement)
    setText(told, text)
    clearTimeout(this.#said)
    this.#said = setTimeout(() => setText(told, ''), SAID_FOR_MS)
  }
}

/**
 * By a tag where there is one, as people know it.
 *
 * @param {ImageEntry} image
 */
function referenceOf({ repository, tags: [tag], digest }) {
  return tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`
}
