// @ts-check
import { element, keyed, setText } from './dom.js'
import { countText, spanText, timeText } from './format.js'
import { Gauge } from './gauge.js'
import { isDown } from './problems.js'

/** @import { EndpointStats, UpstreamStats } from '../../../admin-stats.ts' */

/** An upstream: whether it is asked, and what each of our users may still pull there. */
export class UpstreamRow {
  #state = element('span', 'state')
  #saved = element('p', 'quiet')
  #endpoints = element('ul', 'endpoints')
  #budgets = element('div', '')
  #showEndpoints = keyed(
    this.#endpoints,
    ({ url }) => url,
    ({ url }) => new EndpointRow(url),
    (row, endpoint) => row.show(endpoint),
  )
  #isLow = false
  #showBudgets = keyed(
    this.#budgets,
    ({ credential }) => credential,
    ({ credential }) => new Gauge(`Pulls left as ${credential}`),
    (gauge, budget) => showBudget(gauge, budget, this.#isLow ? 'bad' : 'well'),
  )

  /** @param {string} name */
  constructor(name) {
    const title = element('div', 'row', element('span', 'name', name), this.#state)
    this.#endpoints.role = 'list'
    this.element = element('li', 'upstream', title, this.#endpoints, this.#budgets, this.#saved)
  }

  /** @param {UpstreamStats} upstream */
  show({ endpoints, budget, savedPulls, isLow }) {
    const [first] = endpoints
    const used = endpoints.filter(isUsed)
    const text =
      endpoints.length === 1 && first
        ? stateText(first)
        : `${used.length} of ${countText(endpoints.length, 'endpoint')} in use`
    setText(this.#state, text)
    this.#state.classList.toggle('bad', used.length < endpoints.length)
    this.#showEndpoints(endpoints.length > 1 ? endpoints : [])
    this.#isLow = isLow
    this.#showBudgets(budget.filter(({ limit, remaining }) => limit !== null && remaining !== null))
    setText(this.#saved, `${countText(savedPulls, 'pull')} saved since the start`)
    this.#saved.hidden = savedPulls === 0
  }
}

/** One of several that an upstream may be asked at. */
class EndpointRow {
  #state = element('span', 'state')

  /** @param {string} url */
  constructor(url) {
    this.element = element(
      'li',
      'row quiet',
      element('span', 'name', new URL(url).host),
      this.#state,
    )
  }

  /** @param {EndpointStats} endpoint */
  show(endpoint) {
    setText(this.#state, stateText(endpoint))
    this.#state.classList.toggle('bad', !isUsed(endpoint))
  }
}

/** @param {EndpointStats} endpoint */
function isUsed({ state, limitedUntil }) {
  return !isDown(state) && limitedUntil === null
}

/** @param {EndpointStats} endpoint */
function stateText({ state, limitedUntil }) {
  if (isDown(state)) return 'does not answer'
  return limitedUntil === null ? 'in use' : `left alone until ${timeText(limitedUntil)}`
}

/**
 * @param {Gauge} gauge
 * @param {UpstreamStats['budget'][number]} budget
 * @param {'well' | 'bad'} state
 */
function showBudget(gauge, { credential, limit, remaining, resetAt, limitedUntil }, state) {
  const [all, left] = [limit ?? 0, remaining ?? 0]
  const until = limitedUntil ?? resetAt
  gauge.show({
    ratio: all === 0 ? 0 : left / all,
    text: `${countText(left)} of ${countText(all)} pulls left as ${credential}`,
    aside:
      until === null
        ? ''
        : `resets ${timeText(until)}, in ${spanText(Date.parse(until) - Date.now())}`,
    state: limitedUntil === null ? state : 'bad',
  })
}
