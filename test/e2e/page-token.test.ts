import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLiveMirror } from '../http/admin/live-mirror.ts'
import { haveTools } from '../support/tools.ts'
import { launchChromium, violationsIn, visit } from './page-visit.ts'

describe.runIf(haveTools('chromium'))('the page of a mirror that has an admin token', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  it('asks for it when it is needed, again when it is wrong, and keeps it', async () => {
    await using mirror = await startLiveMirror({ ENTREPOT_ADMIN__TOKEN: 'open-sesame' })
    await using visited = await visit(browser, mirror)
    const { page } = visited
    const dialog = page.getByRole('dialog', { name: 'Admin token' })
    const answer = async (token: string) => {
      await dialog.getByLabel('Token').fill(token)
      await page.keyboard.press('Enter')
    }
    await answer('sesame')
    await dialog.getByText('That is not the token.').waitFor()
    await answer('open-sesame')
    await page.getByText('0 contents held').waitFor()
    expect(await dialog.isVisible()).toBe(false)
    await page.reload()
    await page.getByText('0 contents held').waitFor()
    expect(await dialog.isVisible()).toBe(false)
  })

  it('asks for it no more where nobody says it, until somebody wants to', async () => {
    await using mirror = await startLiveMirror({ ENTREPOT_ADMIN__TOKEN: 'open-sesame' })
    await using visited = await visit(browser, mirror)
    const { page } = visited
    const dialog = page.getByRole('dialog', { name: 'Admin token' })
    await dialog.waitFor()
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await page.clock.install()
    await page.keyboard.press('Escape')
    await page.getByText('the admin token is needed').waitFor()
    await page.clock.fastForward(60_000)
    expect(await dialog.isVisible()).toBe(false)
    expect(asked).toEqual([])
    expect(await violationsIn(page)).toEqual([])
    await page.getByRole('button', { name: 'Enter the token' }).click()
    await dialog.getByLabel('Token').fill('open-sesame')
    await page.keyboard.press('Enter')
    await page.getByText('0 contents held').waitFor()
    expect(await page.getByRole('button', { name: 'Enter the token' }).isVisible()).toBe(false)
  })
})
