import axe, { type AxeResults } from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

export const WINDOWS = {
  desktop: { width: 1280, height: 900 },
  phone: { width: 390, height: 844 },
}

/** A page, and what went wrong in it so far. */
export interface Visit extends AsyncDisposable {
  page: Page
  complaints: string[]
}

export function launchChromium(): Promise<Browser> {
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return chromium.launch({ executablePath: '/usr/bin/chromium', args })
}

/** Opens the page of a mirror. */
export async function visit(
  browser: Browser,
  mirror: { adminUrl: string },
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: WINDOWS.desktop, ...options })
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== mirror.adminUrl) complaints.push(request.url())
  })
  await page.goto(mirror.adminUrl)
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
}

/** What axe has against the page as it is. */
export async function violationsIn(page: Page): Promise<string[]> {
  // Evaluated by the browser's debugger: the policy of the page lets no script in.
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<AxeResults>('axe.run()')
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
}
