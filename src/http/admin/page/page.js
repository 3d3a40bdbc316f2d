// @ts-check
import { Actions } from './actions.js'
import { Api } from './api.js'
import { askForToken } from './dialogs.js'
import { button, element, find, setText } from './dom.js'
import { spanText } from './format.js'
import { Images } from './images.js'
import { Past } from './past.js'
import { Present, showNext, showTop } from './present.js'

/**
 * @import { HoldList, JobList, RemovableEntry } from '../../../admin-api.ts'
 * @import { Stats } from '../../../admin-stats.ts'
 */

const LIVE_EVERY_MS = 1000
const REST_EVERY_MS = 60_000
const LISTED = 5

const api = new Api(askForToken)
const actions = new Actions(api, refreshRest)
const present = new Present()
const past = new Past(api)
const images = new Images(api, actions)

async function refreshLive() {
  /** @type {[Stats, JobList]} */
  const [stats, { jobs }] = await Promise.all([api.get('stats'), api.get('jobs')])
  present.show(stats, jobs)
}

async function refreshRest() {
  await Promise.all([past.refresh(), images.refresh(), refreshNext(), refreshTop(), refreshHolds()])
}

async function refreshNext() {
  /** @type {RemovableEntry[]} */
  const entries = []
  await api.work('evict', { dryRun: true, toBytes: 0, limit: LISTED }, (line) => {
    if ('item' in line) entries.push(line.item)
  })
  showNext(entries)
}

async function refreshTop() {
  showTop(await api.get(`stats/top?limit=${LISTED}`))
}

async function refreshHolds() {
  /** @type {HoldList} */
  const { holds } = await api.get('holds')
  find('holds', HTMLElement).hidden = holds.length === 0
  const rows = holds.map((hold) => {
    const left = spanText(Date.parse(hold.servedFrom) - Date.now())
    return element(
      'li',
      'row',
      element('span', 'name', `${hold.repository}:${hold.tag}`),
      element('span', 'quiet', `for another ${left}`),
      button('Release', () => void actions.release(hold)),
    )
  })
  find('hold-list', HTMLElement).replaceChildren(...rows)
}

let isRefreshing = false
let restDueAtMs = 0

/** What moves each time, the rest when it is due; nothing while nobody looks. */
async function refresh() {
  if (isRefreshing || document.hidden) return
  isRefreshing = true
  try {
    await refreshLive()
    if (performance.now() >= restDueAtMs) {
      await refreshRest()
      restDueAtMs = performance.now() + REST_EVERY_MS
    }
    document.body.classList.remove('lost')
  } catch (error) {
    document.body.classList.add('lost')
    setText(find('state', HTMLElement), error instanceof Error ? error.message : String(error))
    // What was missed meanwhile is shown as soon as there is an answer again.
    restDueAtMs = 0
  } finally {
    isRefreshing = false
  }
}

find('range', HTMLElement).addEventListener('change', ({ target }) => {
  if (!(target instanceof HTMLInputElement)) return
  past.choose(target.value).catch((error) => actions.tell(error))
})
setInterval(() => void refresh(), LIVE_EVERY_MS)
document.addEventListener('visibilitychange', () => void refresh())
void refresh()
