import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ImagePage } from '../../src/admin-api.ts'
import type { Inventory } from '../../src/inventory/inventory.ts'
import { SPAN_MS } from '../../src/inventory/span.ts'
import { jsonOf, type LiveMirror, startLiveMirror } from '../http/admin/live-mirror.ts'
import { haveTools } from '../support/tools.ts'
import { startWithHeldTag } from './held-tag.ts'
import { launchChromium, violationsIn, visit, WINDOWS } from './page-visit.ts'

const LONG =
  'platform-engineering/continuous-integration/toolchains/gcc-arm-none-eabi-newlib:14.2.1-2026.11'
const REGISTRIES = ['GHCR_IO', 'QUAY_IO', 'GCR_IO', 'REGISTRY_K8S_IO', 'PUBLIC_ECR_AWS'].concat([
  'MCR_MICROSOFT_COM',
  'NVCR_IO',
  'LSCR_IO',
  'REGISTRY_VERY_LONG_COMPANY_NAME_EXAMPLE_COM',
])
/** Of a phone, of 1280 at 200 %, of a tablet, of a desktop, and of a large one. */
const WIDTHS = [320, 390, 640, 768, 1024, 1280, 1920]

/** A mirror of ten registries whose names are long, whose figures are large and whose limit is used up. */
async function startCrowded(): Promise<LiveMirror> {
  const upstreams = REGISTRIES.map((name) => [
    `ENTREPOT_UPSTREAMS__${name}__URL`,
    `https://${name.toLowerCase().replaceAll('_', '.')}`,
  ])
  await using parts = new AsyncDisposableStack()
  const mirror = parts.use(
    await startLiveMirror(Object.fromEntries(upstreams) as Record<string, string>, {
      hub: { rateLimit: { limit: 2, windowSeconds: 6 * 60 * 60 } },
      record: writeMillions,
    }),
  )
  await mirror.pull(LONG)
  await mirror.pull('library/app:1')
  await mirror.age(SPAN_MS.hour)
  const running = parts.move()
  return { ...mirror, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

async function writeMillions(inventory: Inventory): Promise<void> {
  await inventory.addSample({
    atMs: Date.now() - SPAN_MS.hour,
    pulls: { hit: 215_360_000, miss: 1000, join: 0, stale: 0, bypass: 0 },
    bytes: { served: 3.21 * 1024 ** 5, fetched: 1024 ** 3 },
    storeBytes: 0,
    budgets: [],
  })
}

/** Waits until all is shown. */
async function untilShown(page: Page): Promise<void> {
  await page.locator('#figure-pulls', { hasText: /\d/ }).waitFor()
  for (const list of ['top', 'image-list']) {
    await page.locator(`#${list} li:nth-child(2)`).waitFor()
  }
}

/** The names that have less room than a few words need, with the room. */
function squeezed(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`Array.from(document.querySelectorAll('.name'))
    .filter((name) => name.textContent.length > 15 && name.getBoundingClientRect().width < 100)
    .map((name) => name.textContent + ': ' + name.getBoundingClientRect().width)`)
}

/** How many lines the text of an element takes. */
function linesOf(page: Page, selector: string): Promise<number> {
  return page.evaluate<number>(`{
    const range = document.createRange()
    range.selectNodeContents(document.querySelector('${selector}'))
    range.getClientRects().length
  }`)
}

function styleOf(page: Page, selector: string, property: string): Promise<string> {
  return page.evaluate<string>(
    `getComputedStyle(document.querySelector('${selector}')).${property}`,
  )
}

function focused(page: Page): Promise<string> {
  return page.evaluate<string>('document.activeElement.id || document.activeElement.textContent')
}

describe.runIf(haveTools('chromium'))('the page, whatever it has to show', () => {
  let browser: Browser
  let crowded: LiveMirror
  beforeAll(async () => {
    browser = await launchChromium()
    crowded = await startCrowded()
  })
  afterAll(async () => {
    await crowded[Symbol.asyncDispose]()
    await browser.close()
  })

  it.each(WIDTHS)('fits into %i pixels', async (width) => {
    await using visited = await visit(browser, crowded, { viewport: { width, height: 900 } })
    const { page, complaints } = visited
    await untilShown(page)
    await page.locator('#next li:nth-child(2)').waitFor()
    await page.getByText('0 of 2 pulls left as anonymous').waitFor()
    expect(await page.locator('#upstreams > li').count()).toBe(10)
    await page.locator('summary').first().click()
    await page.getByText('linux/amd64', { exact: true }).waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    expect(await squeezed(page)).toEqual([])
    expect(await page.locator('#figure-pulls').innerText()).toBe('215 M')
    for (const figure of ['ratio', 'saved', 'served', 'pulls']) {
      expect(await linesOf(page, `#figure-${figure}`)).toBe(1)
    }
    expect(await violationsIn(page)).toEqual([])
    expect(complaints).toEqual([])
  })

  it('does not call a ratio whole that is not', async () => {
    await using visited = await visit(browser, crowded)
    const { page } = visited
    await untilShown(page)
    expect(await page.locator('#figure-ratio').innerText()).toBe('99.9 %')
  })

  it('has text as large as whoever reads it wants it', async () => {
    await using visited = await visit(browser, crowded)
    const { page } = visited
    await untilShown(page)
    await page.evaluate(`document.documentElement.style.fontSize = '32px'`)
    expect(await styleOf(page, 'body', 'fontSize')).toBe('30px')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(WINDOWS.desktop.width)
    expect(await squeezed(page)).toEqual([])
  })

  it('shows bars and what is chosen where colours are those of the reader', async () => {
    await using visited = await visit(browser, crowded, { forcedColors: 'active' })
    const { page } = visited
    await untilShown(page)
    const colour = (selector: string) => styleOf(page, selector, 'backgroundColor')
    expect(await colour('#disk .part')).not.toBe(await colour('#disk .bar'))
    expect(await colour('.choice :checked + span')).not.toBe(await colour('.choice span'))
    expect(await violationsIn(page)).toEqual([])
  })

  it('goes from what can be done to what can be done next, by keyboard alone', async () => {
    await using mirror = await startWithHeldTag()
    await mirror.pull('library/tool:1')
    await using visited = await visit(browser, mirror)
    const { page, complaints } = visited
    await untilShown(page)
    await page.getByRole('button', { name: 'Release' }).waitFor()
    const order: string[] = []
    for (let stop = 0; stop < 6; stop++) {
      await page.keyboard.press('Tab')
      order.push(await focused(page))
      expect(await page.evaluate(`document.activeElement.matches(':focus-visible')`)).toBe(true)
    }
    expect(order.slice(0, 4)).toEqual(['Skip to the images', '', 'Release', 'search'])
    expect(order[4]).toContain('docker.io/library/app:1')
    expect(order[5]).toContain('docker.io/library/tool:1')
    await page.keyboard.press('Enter')
    for (const name of ['Fetch now', 'Pin', 'Purge']) {
      await page.keyboard.press('Tab')
      expect(await focused(page)).toBe(name)
    }
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    expect(await focused(page)).toBe('Purge')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    expect(await focused(page)).toBe('confirm-yes')
    await page.keyboard.press('Enter')
    await page.locator('summary', { hasText: 'library/tool' }).waitFor({ state: 'detached' })
    expect(await focused(page)).toBe('images')
    const { images } = jsonOf(await mirror.ask('images')) as ImagePage
    expect(images.map(({ repository }) => repository)).toEqual(['docker.io/library/app'])
    expect(complaints).toEqual([])
  })

  it('leaves who goes by keyboard where they are when all is shown anew', async () => {
    await using mirror = await startWithHeldTag()
    await using visited = await visit(browser, mirror)
    const { page } = visited
    await page.clock.install()
    await page.reload()
    await page.getByRole('button', { name: 'Release' }).focus()
    // What was asked for before is shown when it is asked for again.
    for (const _ of ['once', 'again']) {
      const asked = page.waitForResponse((response) => response.url().endsWith('/holds'))
      await page.clock.fastForward('01:05')
      await asked
    }
    expect(await focused(page)).toBe('Release')
  })
})
