import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ImagePage } from '../../src/admin-api.ts'
import { jsonOf, type LiveMirror, startLiveMirror } from '../http/admin/live-mirror.ts'
import { eventually } from '../support/eventually.ts'
import { fetchedDigest } from '../support/fetched.ts'
import { buildImage } from '../support/images.ts'
import { haveTools } from '../support/tools.ts'
import { startWithHeldTag } from './held-tag.ts'
import { startScene } from './page-scene.ts'
import { launchChromium, violationsIn, visit, WINDOWS } from './page-visit.ts'

/** Those of docs/images/ are copies of what is put there. */
const PICTURES = fileURLToPath(new URL('../../build/images/', import.meta.url))

function textOf(page: Page, selector: string): Promise<string> {
  return page.locator(selector).innerText()
}

/** A time zone in which a clock shows this hour now. */
function zoneWhereItIs(hour: number): string {
  const hoursAhead = ((hour - new Date().getUTCHours() + 36) % 24) - 12
  // The names of these zones count hours behind.
  return hoursAhead > 0 ? `Etc/GMT-${hoursAhead}` : `Etc/GMT+${-hoursAhead}`
}

/** Waits until the line of a graph was drawn. */
function untilDrawn(page: Page, graph: string): Promise<boolean> {
  // Red, green, blue and opacity of the accent, the lowest byte first.
  return eventually(`${graph} has a line`, async () =>
    (await coloursOf(page, graph)).includes(0xff_6e_76_0f),
  )
}

function coloursOf(page: Page, graph: string): Promise<number[]> {
  return page.evaluate<number[]>(`{
    const drawn = document.querySelector('#${graph} canvas')
    const copy = new OffscreenCanvas(drawn.width, drawn.height)
    const context = copy.getContext('2d', { willReadFrequently: true })
    context.drawImage(drawn, 0, 0)
    Array.from(new Uint32Array(context.getImageData(0, 0, copy.width, copy.height).data.buffer))
  }`)
}

describe.runIf(haveTools('chromium'))('the page in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  describe('of a mirror that is at work', () => {
    let scene: LiveMirror
    beforeAll(async () => {
      scene = await startScene()
    })
    afterAll(() => scene[Symbol.asyncDispose]())

    it('shows the past in figures and graphs, of the time that is chosen', async () => {
      await using visited = await visit(browser, scene)
      const { page, complaints } = visited
      await eventually('there is a ratio', async () =>
        /^\d+ %$/.test(await textOf(page, '#figure-ratio')),
      )
      await untilDrawn(page, 'ratio-graph')
      await untilDrawn(page, 'bytes-graph')
      await page.getByRole('img', { name: 'Hit ratio in the last day' }).waitFor()
      const dayPulls = await textOf(page, '#figure-pulls')
      await page.getByText('Quarter').click()
      await eventually(
        'there are more',
        async () => (await textOf(page, '#figure-pulls')) !== dayPulls,
      )
      await untilDrawn(page, 'bytes-graph')
      expect(complaints).toEqual([])
    })

    it('shows fills as they come, and what goes next', async () => {
      await using visited = await visit(browser, scene)
      const { page, complaints } = visited
      const fill = page.getByRole('progressbar', { name: 'docker.io/library/golang' })
      const before = Number(await fill.getAttribute('aria-valuenow'))
      await eventually('it has moved', async () => {
        return Number(await fill.getAttribute('aria-valuenow')) > before
      })
      expect(await textOf(page, '#fills')).toMatch(
        /[KM]iB\sof\s32\.0\sMiB · .*\/s · .*\sleft · 1\sclient/,
      )
      await page.locator('#next li:nth-child(5)').waitFor()
      expect(await page.locator('#next li').first().innerText()).toContain('node:20-bookworm')
      await page.locator('#top li:nth-child(5)').waitFor()
      expect(await page.locator('#top li').first().innerText()).toMatch(
        /^docker\.io\/library\/node\s+\d+ pulls\s+\d+ % hits\s+17\.6 MiB/,
      )
      expect(await page.locator('#problems').isVisible()).toBe(false)
      expect(complaints).toEqual([])
    })

    it.each([
      { reducedMotion: 'reduce', duration: '0s' },
      { reducedMotion: 'no-preference', duration: '1s' },
    ] as const)(
      'moves bars where that is wanted: $reducedMotion',
      async ({ reducedMotion, duration }) => {
        await using visited = await visit(browser, scene, { reducedMotion })
        const { page } = visited
        await page.locator('.fill .part').first().waitFor({ state: 'attached' })
        expect(
          await page.evaluate(
            `getComputedStyle(document.querySelector('.fill .part')).transitionDuration`,
          ),
        ).toBe(duration)
      },
    )

    it.each([
      { hour: 6, when: 'the same day', said: /resets \d\d:\d\d, in 5 h \d+ min/ },
      { hour: 20, when: 'tomorrow', said: /resets \d+ \w+, \d\d:\d\d, in 5 h \d+ min/ },
    ])('shows what is left of a limit that is reset $when', async ({ hour, said }) => {
      await using visited = await visit(browser, scene, { timezoneId: zoneWhereItIs(hour) })
      const { page, complaints } = visited
      await eventually('it is told', async () => said.test(await textOf(page, '#upstreams')))
      expect(await textOf(page, '#upstreams')).toContain('90 of 100 pulls left as anonymous')
      expect(complaints).toEqual([])
    })

    it('finds images, and tells of each what is known', async () => {
      await using visited = await visit(browser, scene)
      const { page, complaints } = visited
      const rows = page.locator('#image-list > li')
      await eventually('all are there', async () => (await rows.count()) === 10)
      await page.getByRole('searchbox').fill('node:22')
      await eventually('one is there', async () => (await rows.count()) === 1)
      await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      const { images } = jsonOf(await scene.ask('images?search=node:22')) as ImagePage
      await page.getByText(images[0]!.digest).waitFor()
      await page.getByText('What 22-slim has stood for').waitFor()
      await page.getByText('linux/amd64', { exact: true }).waitFor()
      await page.getByText(/^\d+ since the start, \d+ % hits$/).waitFor()
      await page.getByRole('searchbox').fill('nothing like it')
      await page.getByRole('status').getByText('No image matches.').waitFor()
      expect(complaints).toEqual([])
    })

    describe.each(['light', 'dark'] as const)('in a %s theme', (colorScheme) => {
      it.each(['desktop', 'phone'] as const)('suits a %s, and everybody', async (window) => {
        await using visited = await visit(browser, scene, {
          colorScheme,
          viewport: WINDOWS[window],
        })
        const { page, complaints } = visited
        for (const list of ['fills', 'next', 'top', 'image-list']) {
          await page.locator(`#${list} li`).first().waitFor()
        }
        await eventually('there is a rate', async () =>
          (await textOf(page, '#fills')).includes('/s'),
        )
        await mkdir(PICTURES, { recursive: true })
        const path = `${PICTURES}page-${window}-${colorScheme}.png`
        await page.screenshot({ path, fullPage: true })
        const width = await page.evaluate('document.documentElement.scrollWidth')
        expect(width).toBe(WINDOWS[window].width)
        expect(await violationsIn(page)).toEqual([])
        await page.locator('summary').first().click()
        await page.getByRole('button', { name: 'Purge' }).click()
        await page.getByRole('dialog').waitFor()
        expect(await violationsIn(page)).toEqual([])
        expect(complaints).toEqual([])
      })
    })
  })

  it('says of a fresh mirror that there is nothing yet', async () => {
    await using mirror = await startLiveMirror()
    await using visited = await visit(browser, mirror)
    const { page, complaints } = visited
    await page.getByText('Nothing is held yet: images come with the first pull.').waitFor()
    await page.getByText('Nothing was served yet.').waitFor()
    await page.getByRole('img', { name: 'nothing was pulled in the last day' }).waitFor()
    expect(await violationsIn(page)).toEqual([])
    expect(complaints).toEqual([])
  })

  it('tells that an image could not be looked up', async () => {
    await using mirror = await startLiveMirror()
    await mirror.pull('library/app:1')
    await using visited = await visit(browser, mirror)
    const { page } = visited
    const image = page.locator('summary')
    await image.waitFor()
    const uncaught: Error[] = []
    page.on('pageerror', (error) => uncaught.push(error))
    await mirror[Symbol.asyncDispose]()
    const failed = page.waitForEvent('requestfailed', (request) =>
      request.url().includes('history'),
    )
    await image.click()
    await failed
    await page.getByRole('status').getByText('the daemon does not answer').waitFor()
    expect(uncaught).toEqual([])
  })

  it('purges what was confirmed, and nothing else', async () => {
    await using mirror = await startLiveMirror()
    await mirror.pull('library/app:1')
    await mirror.pull('library/tool:2')
    await using visited = await visit(browser, mirror)
    const { page, complaints } = visited
    const rows = page.locator('#image-list > li')
    const listed = async () => (jsonOf(await mirror.ask('images')) as ImagePage).images.length
    await page.locator('summary', { hasText: 'library/app' }).click()
    await page.getByRole('button', { name: 'Purge' }).click()
    await page.getByRole('dialog', { name: 'Purge docker.io/library/app:1?' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    expect(await listed()).toBe(2)
    await page.getByRole('button', { name: 'Purge' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Purge' }).click()
    await page.getByText('Purged docker.io/library/app:1: 4 contents').waitFor()
    await eventually('it is gone from the list', async () => (await rows.count()) === 1)
    expect(await listed()).toBe(1)
    expect(complaints).toEqual([])
  })

  it('says so when others need what was purged', async () => {
    await using mirror = await startLiveMirror()
    const image = await mirror.pull('library/app:1')
    await mirror.pull('library/copy:1', image)
    const { store } = await mirror.stats()
    await using visited = await visit(browser, mirror)
    const { page, complaints } = visited
    await page.locator('summary', { hasText: 'library/app' }).click()
    await page.getByRole('button', { name: 'Purge' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText(/^Up to 40\.\d KiB are freed\./).waitFor()
    await dialog.getByRole('button', { name: 'Purge' }).click()
    await page.getByText('Purged docker.io/library/app:1: others need what it was.').waitFor()
    await page.locator('summary', { hasText: 'library/app' }).waitFor({ state: 'detached' })
    expect((await mirror.stats()).store.entries).toBe(store.entries)
    expect(complaints).toEqual([])
  })

  it('says so when only links went: others need what a tag has left', async () => {
    await using mirror = await startLiveMirror({
      ENTREPOT_UPSTREAMS__DOCKER_IO__TAGS__FRESH_FOR: '0s',
    })
    const image = await mirror.pull('library/app:1')
    await mirror.pull('library/copy:1', image)
    await mirror.pull('library/app:1', await buildImage({ seed: 'moved' }))
    const { digest } = image.root
    await using visited = await visit(browser, mirror)
    const { page, complaints } = visited
    await page.locator('summary', { hasText: 'library/app@' }).click()
    await page.getByRole('button', { name: 'Purge' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Purge' }).click()
    const reference = `docker.io/library/app@${digest}`
    await page.getByText(`Purged ${reference}: others need what it was.`).waitFor()
    await page.locator('summary', { hasText: 'library/app@' }).waitFor({ state: 'detached' })
    await page.locator('summary', { hasText: 'library/copy:1' }).waitFor()
    expect(complaints).toEqual([])
  })

  it('pins, unpins and fetches what was purged', async () => {
    await using mirror = await startLiveMirror()
    const image = await mirror.pull('library/app:1')
    await using visited = await visit(browser, mirror)
    const { page, complaints } = visited
    const act = async (name: string, yes: string) => {
      await page.getByRole('button', { name }).click()
      await page.getByRole('dialog').getByRole('button', { name: yes }).click()
    }
    await page.locator('summary').click()
    await act('Pin', 'Pin')
    await page.locator('summary', { hasText: 'pinned' }).waitFor()
    await act('Unpin', 'Unpin')
    await page.getByText('Unpinned docker.io/library/app:1.').waitFor()
    mirror.hub.forgetRequests()
    await act('Fetch now', 'Fetch')
    await page.getByText('docker.io/library/app:1 is here: 0 B were fetched.').waitFor()
    expect(mirror.hub.count({ digest: image.root.digest })).toBe(0)
    expect(complaints).toEqual([])
  })

  it('lists more when there is more, and all of it stays over a refresh', async () => {
    await using mirror = await startLiveMirror()
    for (let tag = 1; tag <= 60; tag++) {
      const image = await buildImage({ seed: `${tag}`, layers: 1, layerBytes: 1 })
      mirror.hub.add('library/app', `${tag}`, image)
      await fetchedDigest(`${mirror.url}/v2/library/app/manifests/${tag}`)
    }
    await eventually('all are kept', async () => {
      return (jsonOf(await mirror.ask('images')) as ImagePage).images.length === 60
    })
    await using visited = await visit(browser, mirror)
    const { page, complaints } = visited
    const rows = page.locator('#image-list > li')
    const more = page.getByRole('button', { name: 'Show more' })
    await more.click()
    await eventually('all are there', async () => (await rows.count()) === 60)
    expect(await more.isVisible()).toBe(false)
    await page.locator('summary').nth(55).click()
    await page.getByRole('button', { name: 'Purge' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Purge' }).click()
    await eventually('one is gone', async () => (await rows.count()) === 59)
    expect(complaints).toEqual([])
  })

  it('releases a tag that is held back', async () => {
    await using mirror = await startWithHeldTag()
    await using visited = await visit(browser, mirror)
    const { page, complaints } = visited
    const held = page.getByRole('region', { name: 'Held back' })
    expect(await held.innerText()).toMatch(/docker\.io\/library\/app:1\s+for another (?:2 d|3 d)/)
    await held.getByRole('button', { name: 'Release' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Release' }).click()
    await page.getByText('Released docker.io/library/app:1.').waitFor()
    await held.waitFor({ state: 'hidden' })
    expect(jsonOf(await mirror.ask('holds'))).toEqual({ holds: [] })
    expect(complaints).toEqual([])
  })

  it('tells of credentials that are refused, and of an audit log that is not written', async () => {
    const hub = { credentials: [{ username: 'ci', password: 'right' }] }
    const env = {
      ENTREPOT_UPSTREAMS__DOCKER_IO__CREDENTIALS__0__USERNAME: 'ci',
      ENTREPOT_UPSTREAMS__DOCKER_IO__CREDENTIALS__0__PASSWORD: 'wrong',
      ENTREPOT_AUDIT__FILE: '/dev/full',
    }
    await using mirror = await startLiveMirror(env, { hub })
    await using visited = await visit(browser, mirror)
    const { page } = visited
    await page.getByText('0 contents held').waitFor()
    const answer = await fetch(`${mirror.url}/v2/library/app/manifests/1`)
    expect(answer.status).toBe(403)
    await page.getByText(`${new URL(mirror.hub.url).host} refuses ci`).waitFor()
    await page.getByText('The audit log cannot be written').waitFor()
    expect(await page.title()).toBe('(2) entrepot')
  })

  it('says first what needs attention, and when the daemon is gone', async () => {
    await using mirror = await startLiveMirror()
    await using visited = await visit(browser, mirror)
    const { page } = visited
    await page.getByText('0 contents held').waitFor()
    expect(await page.locator('#problems').isVisible()).toBe(false)
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await mirror.hub.goDown()
    await eventually('it is left alone', async () => {
      await fetch(`${mirror.url}/v2/library/app/manifests/1`)
      return (await mirror.stats()).upstreams[0]!.state === 'open'
    })
    const host = new URL(mirror.hub.url).host
    await page.getByText(`${host} does not answer`).waitFor()
    const headings = await page.getByRole('heading', { level: 2 }).allInnerTexts()
    expect(headings[0]).toBe('Needs attention')
    expect(await page.title()).toBe('(1) entrepot')
    // It was told so.
    expect(asked).toEqual([])
    expect(await violationsIn(page)).toEqual([])
    await mirror[Symbol.asyncDispose]()
    await page.getByText('the daemon does not answer').waitFor()
  })
})
