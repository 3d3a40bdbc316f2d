// @ts-check
import { button, element, find, keyed, setText } from './dom.js'
import { spanText } from './format.js'

/**
 * @import { HoldEntry, HoldList } from '../../../admin-api.ts'
 * @import { Actions } from './actions.js'
 * @import { Api } from './api.js'
 */

/** The tags that are held back. */
export class Holds {
  #api
  #show

  /**
   * @param {Api} api
   * @param {Actions} actions
   */
  constructor(api, actions) {
    this.#api = api
    this.#show = keyed(
      find('hold-list', HTMLElement),
      ({ repository, tag, newDigest }) => `${repository}:${tag}@${newDigest}`,
      (/** @type {HoldEntry} */ hold) => new HoldRow(hold, actions),
      (row, hold) => row.show(hold),
    )
  }

  async refresh() {
    /** @type {HoldList} */
    const { holds } = await this.#api.get('holds')
    find('holds', HTMLElement).hidden = holds.length === 0
    this.#show(holds)
  }
}

/** A tag, and how long it is still served as before. */
class HoldRow {
  #left = element('span', 'quiet')

  /**
   * @param {HoldEntry} hold
   * @param {Actions} actions
   */
  constructor(hold, actions) {
    const name = element('span', 'name', `${hold.repository}:${hold.tag}`)
    const release = button('Release', () => void actions.release(hold))
    this.element = element('li', 'row', name, this.#left, release)
  }

  /** @param {HoldEntry} hold */
  show({ servedFrom }) {
    setText(this.#left, `for another ${spanText(Date.parse(servedFrom) - Date.now())}`)
  }
}
