import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PlatformList, TagHistory } from '../../src/admin-api.ts'
import { jsonOf, startLiveMirror } from '../http/admin/live-mirror.ts'
import { eventually } from '../support/eventually.ts'
import { fetchedDigest } from '../support/fetched.ts'
import { buildImage, buildIndex } from '../support/images.ts'
import { haveTools } from '../support/tools.ts'
import { launchChromium, visit } from './page-visit.ts'

describe.runIf(haveTools('chromium'))('an image on the page', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  it('tells what it is held for, and tells it anew once the rest was fetched', async () => {
    await using mirror = await startLiveMirror()
    const [amd64, arm64, arm] = [
      await buildImage({ seed: 'amd64' }),
      await buildImage({ seed: 'arm64' }),
      await buildImage({ seed: 'arm' }),
    ]
    const index = buildIndex({ amd64, 'arm64/v8': arm64, 'arm/v7': arm })
    mirror.hub.add('library/app', '1', index)
    for (const reference of ['1', amd64.root.digest]) {
      await fetchedDigest(`${mirror.url}/v2/library/app/manifests/${reference}`)
    }
    await eventually('one is held', async () => {
      const answer = await mirror.ask(`platforms?digest=${index.root.digest}`)
      return answer.status === 200 && (jsonOf(answer) as PlatformList).platforms[0]?.isHeld
    })
    await using visited = await visit(browser, mirror)
    const { page, complaints } = visited
    await page.locator('summary', { hasText: 'library/app:1' }).click()
    await page.getByText('linux/amd64; not held: linux/arm64/v8, linux/arm/v7').waitFor()
    await page.getByRole('button', { name: 'Fetch now' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Fetch' }).click()
    await page.getByText('linux/amd64, linux/arm64/v8, linux/arm/v7', { exact: true }).waitFor()
    expect(complaints).toEqual([])
  })

  it('tells what its tag has stood for last, and how often it was something else before', async () => {
    await using mirror = await startLiveMirror({
      ENTREPOT_UPSTREAMS__DOCKER_IO__TAGS__FRESH_FOR: '0s',
    })
    for (let build = 1; build <= 11; build++) {
      await mirror.pull('library/app:1', await buildImage({ seed: `${build}`, layers: 1 }))
    }
    const { history } = jsonOf(await mirror.ask('history?reference=library/app:1')) as TagHistory
    expect(history).toHaveLength(11)
    await using visited = await visit(browser, mirror)
    const { page, complaints } = visited
    await page.locator('summary', { hasText: 'library/app:1' }).click()
    await page.getByText('and 3 before').waitFor()
    const told = await page.locator('.history code').allInnerTexts()
    expect(told).toEqual(history.slice(0, 8).map(({ digest }) => digest.slice(7, 19)))
    expect(complaints).toEqual([])
  })
})
