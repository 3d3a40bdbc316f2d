import { VERSION } from '../../version.ts'
import type { Paths } from '../paths.ts'

export function addOpenApiRoutes(paths: Paths): void {
  let document: object | undefined
  paths.get('/openapi.json', async (context) => {
    // Few ask for it, and it takes memory and time.
    const { openApiDocument } = await import('./openapi/document.ts')
    document ??= openApiDocument(VERSION)
    context.body = document
  })
}
