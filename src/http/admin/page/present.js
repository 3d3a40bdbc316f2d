// @ts-check
import { element, find, keyed, setText } from './dom.js'
import { FillRow } from './fill-row.js'
import { agoText, countText, digestText, percentText, sizeText, spanText } from './format.js'
import { Gauge } from './gauge.js'
import { problemsOf } from './problems.js'
import { sumOf } from './pulls.js'
import { UpstreamRow } from './upstream-row.js'

/**
 * @import { RemovableEntry } from '../../../admin-api.ts'
 * @import { LiveStatus } from '../../../admin-daemon.ts'
 * @import { Stats, TopList } from '../../../admin-stats.ts'
 * @import { Problem } from './problems.js'
 */

/** How things stand now. */
export class Present {
  #disk = new Gauge('Space used')
  #copies = new Gauge('Copies on the local disk')
  #showProblems = keyed(find('problem-list', HTMLElement), ({ title }) => title, newProblem, update)
  #showFills = keyed(
    find('fills', HTMLElement),
    ({ digest, repository }) => `${repository}@${digest}`,
    (fill) => new FillRow(fill),
    update,
  )
  #showUpstreams = keyed(
    find('upstreams', HTMLElement),
    ({ name }) => name,
    ({ name }) => new UpstreamRow(name),
    update,
  )

  constructor() {
    find('disk', HTMLElement).append(this.#disk.element, this.#copies.element)
  }

  /** @param {LiveStatus} status */
  show(status) {
    const { store, fills, upstreams, uptimeMs } = status.stats
    setText(
      find('state', HTMLElement),
      `${countText(store.entries, 'content')} held, up for ${spanText(uptimeMs)}`,
    )
    const problems = problemsOf(status)
    this.#showProblems(problems)
    document.title = problems.length === 0 ? 'entrepot' : `(${problems.length}) entrepot`
    this.#showFills(fills)
    find('no-fills', HTMLElement).hidden = fills.length > 0
    this.#showUpstreams(upstreams)
    this.#showSpace(status.stats)
  }

  /** @param {Stats} stats */
  #showSpace({ store, eviction }) {
    find('disk', HTMLElement).hidden = false
    this.#disk.show({
      ...partOf(store),
      aside: percentText(store.bytes / store.maxBytes),
      state: eviction.isSpaceFull || eviction.isStuck ? 'bad' : 'well',
    })
    const { cache } = store
    this.#copies.element.hidden = cache === null
    if (cache) {
      const { text, ratio } = partOf(cache)
      this.#copies.show({ ratio, text, aside: 'copies on the local disk', state: 'well' })
    }
    setText(
      find('no-next', HTMLElement),
      store.entries === 0
        ? 'Nothing is held yet.'
        : 'Nothing may go: all is pinned or was just used.',
    )
  }
}

/** @param {{ bytes: number, maxBytes: number }} space */
function partOf({ bytes, maxBytes }) {
  return { ratio: bytes / maxBytes, text: `${sizeText(bytes)} of ${sizeText(maxBytes)}` }
}

/**
 * What would go first, if something had to.
 *
 * @param {readonly RemovableEntry[]} entries
 */
export function showNext(entries) {
  const rows = entries.map(({ digest, names: [first], usedAt }) =>
    rowOf(first ? nameOf(first) : `sha256:${digestText(digest)}`, `used ${agoText(usedAt)}`),
  )
  find('next', HTMLElement).replaceChildren(...rows)
  find('no-next', HTMLElement).hidden = rows.length > 0
}

/** @param {TopList} top */
export function showTop({ repositories }) {
  const rows = repositories.map(({ repository, bytes, pulls }) => {
    const { all, ratio } = sumOf(pulls)
    const hits = ratio === null ? '' : `${percentText(ratio)} hits`
    return rowOf(repository, countText(all, 'pull'), hits, sizeText(bytes))
  })
  find('top', HTMLElement).replaceChildren(...rows)
  find('no-top', HTMLElement).hidden = rows.length > 0
}

/**
 * A line of a table.
 *
 * @param {string} name
 * @param {...string} figures
 */
function rowOf(name, ...figures) {
  return element(
    'li',
    '',
    element('span', 'name', name),
    ...figures.map((text) => element('span', 'quiet figure', text)),
  )
}

/** @param {{ repository: string, tags: string[] }} named */
function nameOf({ repository, tags: [tag] }) {
  return tag === undefined ? repository : `${repository}:${tag}`
}

/**
 * @template Value
 * @param {{ show: (value: Value) => void }} item
 * @param {Value} value
 */
function update(item, value) {
  item.show(value)
}

/** @param {Problem} problem */
function newProblem({ title }) {
  const text = element('span', 'quiet')
  return {
    element: element('li', 'problem', element('strong', '', title), text),
    /** @param {Problem} problem */
    show: (problem) => setText(text, problem.text),
  }
}
