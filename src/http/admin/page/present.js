// @ts-check
import { bar, element, find, keyed, setText } from './dom.js'
import {
  agoText,
  countText,
  digestText,
  percentText,
  sizeText,
  spanText,
  timeText,
} from './format.js'
import { isDown, problemsOf } from './problems.js'

/**
 * @import { JobEntry, RemovableEntry } from '../../../admin-api.ts'
 * @import { Stats, TopList, UpstreamStats } from '../../../admin-stats.ts'
 * @import { Problem } from './problems.js'
 * @typedef {Stats['fills'][number]} Fill
 */

/** Rates are over about this long, so that they can be read. */
const RATE_OVER_MS = 3000

/** How things stand now. */
export class Present {
  #disk = new Gauge('Space used')
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
    find('disk', HTMLElement).append(this.#disk.element)
  }

  /**
   * @param {Stats} stats
   * @param {readonly JobEntry[]} jobs
   */
  show(stats, jobs) {
    const { store, fills, upstreams, uptimeMs } = stats
    setText(
      find('state', HTMLElement),
      `${countText(store.entries, 'content')} held, up for ${spanText(uptimeMs)}`,
    )
    const problems = problemsOf(stats, jobs)
    this.#showProblems(problems)
    find('problems', HTMLElement).hidden = problems.length === 0
    document.title = problems.length === 0 ? 'entrepot' : `(${problems.length}) entrepot`
    this.#showFills(fills)
    find('no-fills', HTMLElement).hidden = fills.length > 0
    this.#showUpstreams(upstreams)
    this.#disk.show(
      store.bytes / store.maxBytes,
      `${sizeText(store.bytes)} of ${sizeText(store.maxBytes)}`,
      percentText(store.bytes / store.maxBytes),
    )
  }
}

/**
 * What would go first, if something had to.
 *
 * @param {readonly RemovableEntry[]} entries
 */
export function showNext(entries) {
  const rows = entries.map(({ digest, names, usedAt }) => {
    const [first] = names
    const name = first ? nameOf(first) : `sha256:${digestText(digest)}`
    return element(
      'li',
      'row',
      element('span', 'name', name),
      element('span', 'quiet', `used ${agoText(usedAt)}`),
    )
  })
  find('next', HTMLElement).replaceChildren(...rows)
  find('no-next', HTMLElement).hidden = rows.length > 0
}

/** @param {TopList} top */
export function showTop({ repositories }) {
  const rows = repositories.map(({ repository, bytes }) =>
    element(
      'li',
      'row',
      element('span', 'name', repository),
      element('span', 'quiet', sizeText(bytes)),
    ),
  )
  find('top', HTMLElement).replaceChildren(...rows)
  find('no-top', HTMLElement).hidden = rows.length > 0
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

/** A part of a whole as a bar, with both as text. */
class Gauge {
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
   * @param {number} ratio
   * @param {string} text
   * @param {string} aside
   */
  show(ratio, text, aside) {
    setText(this.#left, text)
    setText(this.#right, aside)
    this.#bar.set(ratio, text)
  }
}

/** Content on its way, and how fast it comes. */
class FillRow {
  #figures = element('span', 'quiet figure')
  #bar
  #seenAtMs = performance.now()
  #seenBytes
  #bytesPerMs = 0

  /** @param {Fill} fill */
  constructor({ repository, digest, bytes }) {
    const name = `${repository} ${digestText(digest)}`
    this.#bar = bar('progressbar', name)
    this.#seenBytes = bytes
    const title = element('span', 'name', repository, ' ', element('code', '', digestText(digest)))
    this.element = element(
      'li',
      'fill',
      element('div', 'row', title, this.#figures),
      this.#bar.element,
    )
  }

  /** @param {Fill} fill */
  show({ bytes, totalBytes, followers }) {
    this.#measure(bytes)
    const size =
      totalBytes === null ? sizeText(bytes) : `${sizeText(bytes)} of ${sizeText(totalBytes)}`
    const parts = [size]
    if (this.#bytesPerMs > 0) {
      parts.push(`${sizeText(this.#bytesPerMs * 1000)}/s`)
      if (totalBytes !== null)
        parts.push(`${spanText((totalBytes - bytes) / this.#bytesPerMs)} left`)
    }
    parts.push(countText(followers, 'client'))
    setText(this.#figures, parts.join(' · '))
    this.#bar.set(totalBytes === null ? null : bytes / totalBytes, size)
  }

  /** @param {number} bytes */
  #measure(bytes) {
    const nowMs = performance.now()
    const passedMs = nowMs - this.#seenAtMs
    if (passedMs < 200) return
    const rate = (bytes - this.#seenBytes) / passedMs
    const weight = this.#bytesPerMs === 0 ? 1 : Math.min(1, passedMs / RATE_OVER_MS)
    this.#bytesPerMs += (rate - this.#bytesPerMs) * weight
    this.#seenAtMs = nowMs
    this.#seenBytes = bytes
  }
}

/** An upstream: whether it is asked, and what each of our users may still pull there. */
class UpstreamRow {
  #state = element('span', 'state')
  #saved = element('p', 'quiet')
  #budgets = element('div', '')
  #showBudgets = keyed(
    this.#budgets,
    ({ credential }) => credential,
    ({ credential }) => new Gauge(`Pulls left as ${credential}`),
    showBudget,
  )

  /** @param {string} name */
  constructor(name) {
    const title = element('div', 'row', element('span', 'name', name), this.#state)
    this.element = element('li', 'upstream', title, this.#budgets, this.#saved)
  }

  /** @param {UpstreamStats} upstream */
  show({ endpoints, budget, savedPulls }) {
    const used = endpoints.filter(({ state, limitedUntil }) => !isDown(state) && !limitedUntil)
    const isWell = used.length === endpoints.length
    this.#state.classList.toggle('bad', !isWell)
    setText(
      this.#state,
      isWell ? 'in use' : `${used.length} of ${countText(endpoints.length, 'endpoint')} in use`,
    )
    this.#showBudgets(budget.filter(({ limit, remaining }) => limit !== null && remaining !== null))
    setText(this.#saved, `${countText(savedPulls, 'pull')} saved since the start`)
  }
}

/**
 * @param {Gauge} gauge
 * @param {UpstreamStats['budget'][number]} budget
 */
function showBudget(gauge, { credential, limit, remaining, resetAt, limitedUntil }) {
  const [all, left] = [limit ?? 0, remaining ?? 0]
  const until = limitedUntil ?? resetAt
  const reset =
    until === null
      ? ''
      : `resets ${timeText(until)}, in ${spanText(Date.parse(until) - Date.now())}`
  gauge.show(
    all === 0 ? 0 : left / all,
    `${countText(left)} of ${countText(all)} pulls left as ${credential}`,
    reset,
  )
}
