import { readFile } from 'node:fs/promises'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LiveMirror, startLiveMirror } from '../http/admin/live-mirror.ts'
import { eventually } from '../support/eventually.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { haveTools } from '../support/tools.ts'
import { launchChromium, violationsIn, visit } from './page-visit.ts'
import { pullWhole, startStage } from './stage.ts'

/** A daemon that has said nothing for so long is given up. */
const SILENT_FOR_MS = 15_000

/**
 * Says to the page that its tab is hidden, or shown again: in Chromium without a window each tab
 * counts as visible.
 */
function turnTab(page: Page, visibilityState: 'hidden' | 'visible'): Promise<void> {
  return page.evaluate(`{
    const state = { visibilityState: '${visibilityState}', hidden: ${visibilityState === 'hidden'} }
    for (const [name, value] of Object.entries(state)) {
      Object.defineProperty(document, name, { configurable: true, value })
    }
    document.dispatchEvent(new Event('visibilitychange'))
  }`)
}

/** Notes what is said in a part of the page: a screen reader reads each of it. */
async function listenTo(page: Page, selector: string): Promise<() => Promise<string[]>> {
  await page.evaluate(`{
    const node = document.querySelector('${selector}')
    window.heard = []
    new MutationObserver(() => heard.push(node.textContent)).observe(node, {
      characterData: true,
      childList: true,
      subtree: true,
    })
  }`)
  return () => page.evaluate<string[]>('heard')
}

/** How many have listened to how things stand, and have left. */
async function countLeft({ log }: LiveMirror): Promise<number> {
  const lines = (await readFile(log, 'utf8')).split('\n')
  return lines.filter((line) => line.includes('"path":"/api/v1/live"')).length
}

/** Waits until somebody who listens was told so often how things stand. */
async function untilTold({ adminUrl }: LiveMirror, times: number): Promise<void> {
  const { body } = await fetch(`${adminUrl}/api/v1/live`)
  let told = 0
  for await (const _ of body!) if (++told === times) return
  throw new Error('the daemon went away')
}

describe.runIf(haveTools('chromium'))('the page, as time goes by', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  it('asks nothing while its tab is hidden, and shows all that was missed', async () => {
    await using mirror = await startLiveMirror()
    await using visited = await visit(browser, mirror)
    const { page, complaints } = visited
    await page.getByText('Nothing is held yet: images come with the first pull.').waitFor()
    expect(await countLeft(mirror)).toBe(0)
    await turnTab(page, 'hidden')
    await eventually('it has left', async () => (await countLeft(mirror)) === 1)
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await mirror.pull('library/app:1')
    await untilTold(mirror, 4)
    expect(asked).toEqual([])
    expect(await page.locator('#state').innerText()).toMatch(/^0 contents held/)
    await turnTab(page, 'visible')
    await page.getByText('4 contents held').waitFor()
    await page.locator('#image-list > li', { hasText: 'library/app:1' }).waitFor()
    expect(asked.filter((url) => url.endsWith('/live'))).toHaveLength(1)
    expect(complaints).toEqual([])
  })

  it('says when it is not told any more, and shows all anew when the daemon is back', async () => {
    await using stage = await startStage()
    const { mirror } = stage
    await using visited = await visit(browser, mirror)
    const { page } = visited
    await page.getByText('Nothing is held yet: images come with the first pull.').waitFor()
    await pullWhole(stage, await stage.publish())
    await page.getByText('4 contents held').waitFor()
    await mirror.stop()
    await page.getByText('the daemon does not answer').waitFor()
    expect(await page.locator('.lost').count()).toBe(1)
    await mirror.restart()
    await page.getByText('4 contents held').waitFor()
    await page.locator('#image-list > li', { hasText: 'library/app-' }).waitFor()
    await eventually('it is up to date', async () => (await page.locator('.lost').count()) === 0)
  })

  it.each(['live', 'stats/top'])('asks again where %s is never answered', async (path) => {
    await using mirror = await startLiveMirror()
    await using link = await FaultProxy.start(new URL(mirror.adminUrl))
    await using visited = await visit(browser, { adminUrl: link.url.origin })
    const { page } = visited
    await page.getByText('0 contents held').waitFor()
    await page.clock.install()
    const unanswered = link.stall(new RegExp(`^[A-Z]+ /api/v1/${path}[ ?]`), 0)
    await page.reload()
    await unanswered
    await page.clock.fastForward(SILENT_FOR_MS)
    await page.getByText('the daemon does not answer').waitFor()
    link.goOn()
    await page.getByText('0 contents held').waitFor()
    await page.getByText('Nothing was served yet.').waitFor()
    await eventually('it is up to date', async () => (await page.locator('.lost').count()) === 0)
  })

  it('asks again where the daemon falls silent', async () => {
    await using mirror = await startLiveMirror()
    await using link = await FaultProxy.start(new URL(mirror.adminUrl))
    await using visited = await visit(browser, { adminUrl: link.url.origin })
    const { page } = visited
    await page.clock.install()
    await page.reload()
    const state = page.locator('#state', { hasText: 'held' })
    const first = await state.innerText()
    // All that was asked for at first is answered by then.
    await eventually('it is told more', async () => (await state.innerText()) !== first)
    link.trouble('stall')
    await eventually('it says so', async () => {
      await page.clock.fastForward(SILENT_FOR_MS)
      return page.getByText('the daemon went away').isVisible()
    })
    link.trouble('none')
    await page.getByText('0 contents held').waitFor()
    await eventually('it is up to date', async () => (await page.locator('.lost').count()) === 0)
  })

  it('waits longer where something is to be changed, which an upstream may be asked for', async () => {
    await using mirror = await startLiveMirror()
    await mirror.pull('library/app:1')
    await using link = await FaultProxy.start(new URL(mirror.adminUrl))
    await using visited = await visit(browser, { adminUrl: link.url.origin })
    const { page } = visited
    await page.locator('#image-list > li summary', { hasText: 'library/app:1' }).click()
    await page.clock.install()
    await page.getByRole('button', { name: 'Pin' }).click()
    link.trouble('stall')
    await page.getByRole('dialog').getByRole('button', { name: 'Pin' }).click()
    await eventually('it is asked', async () =>
      link.requests.some((request) => request.startsWith('POST /api/v1/pins')),
    )
    await page.clock.fastForward(SILENT_FOR_MS)
    link.trouble('none')
    await page.getByText('Pinned docker.io/library/app:1').waitFor()
  })

  it('says aloud what needs attention, the first time too', async () => {
    await using mirror = await startLiveMirror()
    await using visited = await visit(browser, mirror)
    const { page } = visited
    await page.getByText('Nothing was served yet.').waitFor()
    // Nothing is read aloud of what was not there before something is added to it.
    const list = page.getByRole('region', { name: 'Needs attention' }).getByRole('list')
    expect(await list.getAttribute('aria-live')).toBe('polite')
    expect(await violationsIn(page)).toEqual([])
    const changes = await listenTo(page, '#problem-list')
    await mirror.hub.goDown()
    await eventually('it is left alone', async () => {
      await fetch(`${mirror.url}/v2/library/app/manifests/1`)
      return (await mirror.stats()).upstreams[0]!.state === 'open'
    })
    await eventually('it is said', async () => (await changes()).length > 0)
    expect((await changes())[0]).toMatch(/ does not answer/)
  })

  it('says aloud once that it is not told any more, and once that it is again', async () => {
    await using mirror = await startLiveMirror()
    await using link = await FaultProxy.start(new URL(mirror.adminUrl))
    await using visited = await visit(browser, { adminUrl: link.url.origin })
    const { page } = visited
    await page.getByText('Nothing was served yet.').waitFor()
    expect(await page.locator('#connection').innerText()).toBe('')
    const changes = await listenTo(page, '#connection')
    const asked = link.requests.length
    link.trouble('reset')
    await eventually('it has asked again and again', () => link.requests.length >= asked + 3)
    await page.getByText(/^the daemon does not answer, last heard of at \d\d:\d\d$/).waitFor()
    expect(await violationsIn(page)).toEqual([])
    link.trouble('none')
    await page.getByRole('status').getByText('Connected again').waitFor()
    expect(await changes()).toEqual([
      'Connection lost: what is shown is old.',
      'Connected again: what is shown is up to date.',
    ])
  })
})
