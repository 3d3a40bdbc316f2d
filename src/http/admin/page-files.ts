import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Router } from '@koa/router'
import { answer, answerHeaders } from '../answer.ts'
import type { HttpState } from '../exchange.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Nothing but what this listener serves itself; nobody frames it; nothing tells where it was. */
const HEADERS = {
  'Cache-Control': 'no-cache',
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const

interface PageFile {
  name: string
  type: string
  etag: string
  bytes: Buffer
}

/**
 * The page for people, and what belongs to it. It tells nothing of the mirror: that comes from the
 * API, so that it needs no token. The files are read once.
 */
export function pageRouter(): Router<HttpState> {
  const router = new Router<HttpState>()
  for (const { name, type, etag, bytes } of pageFiles()) {
    router.get(name === 'index.html' ? '/' : `/${name}`, (context) => {
      const headers = { ...HEADERS, 'Content-Type': type, ETag: etag }
      if (context.get('if-none-match').includes(etag)) answerHeaders(context, 304, headers)
      else answer(context, 200, headers, bytes)
    })
  }
  return router
}

function pageFiles(): PageFile[] {
  const folder = join(import.meta.dirname, 'page')
  const library = dirname(fileURLToPath(import.meta.resolve('uplot')))
  return [
    ...readdirSync(folder).map((name) => [name, join(folder, name)] as const),
    ['uPlot.js', join(library, 'uPlot.esm.js')] as const,
    ['uPlot.css', join(library, 'uPlot.min.css')] as const,
  ].flatMap(([name, path]) => {
    const type = TYPES[extname(name)]
    // What the type checker reads is there too.
    return type === undefined ? [] : [readPageFile(name, type, path)]
  })
}

function readPageFile(name: string, type: string, path: string): PageFile {
  const bytes = readFileSync(path)
  const hash = createHash('sha256').update(bytes).digest('base64url')
  return { name, type, etag: `"${hash}"`, bytes }
}
