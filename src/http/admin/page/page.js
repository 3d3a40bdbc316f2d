// @ts-check
import { Actions } from './actions.js'
import { Api } from './api.js'
import { askForToken } from './dialogs.js'
import { find, setText } from './dom.js'
import { timeText } from './format.js'
import { Holds } from './holds.js'
import { Images } from './images.js'
import { Past } from './past.js'
import { Present, showNext, showTop } from './present.js'

/** @import { RemovableEntry } from '../../../admin-api.ts' */

const RETRY_AFTER_MS = 1000
const REST_EVERY_MS = 60_000
const LISTED = 5

const api = new Api(askForToken)
const actions = new Actions(api, refreshRest)
const present = new Present()
const past = new Past(api)
const images = new Images(api, actions)
const holds = new Holds(api, actions)
const logIn = find('log-in', HTMLElement)

async function refreshRest() {
  await Promise.all([
    past.refresh(),
    images.refresh(),
    refreshNext(),
    refreshTop(),
    holds.refresh(),
  ])
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

let toldAtMs = 0

/**
 * Said aloud once, however often it is tried again; the state beside it changes too often to be
 * read aloud.
 *
 * @param {string} why
 */
function lose(why) {
  const since = toldAtMs === 0 ? '' : `, last heard of at ${timeText(toldAtMs)}`
  document.body.classList.add('lost')
  setText(find('state', HTMLElement), `${why}${since}`)
  setText(find('connection', HTMLElement), 'Connection lost: what is shown is old.')
}

function comeBack() {
  if (!document.body.classList.contains('lost')) return
  document.body.classList.remove('lost')
  setText(find('connection', HTMLElement), 'Connected again: what is shown is up to date.')
}

/**
 * What moves as it is told, the rest at once and when it is due.
 *
 * @param {AbortSignal} signal
 */
async function look(signal) {
  let restDueAtMs = 0
  for await (const status of api.live(signal)) {
    present.show(status)
    toldAtMs = Date.now()
    if (performance.now() >= restDueAtMs) {
      await refreshRest()
      restDueAtMs = performance.now() + REST_EVERY_MS
    }
    comeBack()
  }
}

/** @param {AbortSignal} signal */
async function keepLooking(signal) {
  while (!signal.aborted) {
    try {
      await look(signal)
    } catch (error) {
      if (signal.aborted) return
      lose(error instanceof Error ? error.message : String(error))
      logIn.hidden = !api.isDeclined
      if (api.isDeclined) return
      await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS))
    }
  }
}

let looking = new AbortController()

/** Nothing is asked while nobody looks. */
function lookWhileVisible() {
  looking.abort()
  looking = new AbortController()
  if (!document.hidden) void keepLooking(looking.signal)
}

find('range', HTMLElement).addEventListener('change', ({ target }) => {
  if (!(target instanceof HTMLInputElement)) return
  past.choose(target.value).catch((error) => actions.tell(error))
})
logIn.addEventListener('click', () => {
  logIn.hidden = true
  api.askAgain()
  lookWhileVisible()
})
document.addEventListener('visibilitychange', lookWhileVisible)
lookWhileVisible()
