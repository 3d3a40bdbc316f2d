import type { Router } from '@koa/router'
import { VERSION } from '../../version.ts'
import type { HttpState } from '../exchange.ts'

export function addOpenApiRoutes(router: Router<HttpState>): void {
  let document: object | undefined
  router.get('/openapi.json', async (context) => {
    // Few ask for it, and it takes memory and time.
    const { openApiDocument } = await import('./openapi/document.ts')
    document ??= openApiDocument(VERSION)
    context.body = document
  })
}
