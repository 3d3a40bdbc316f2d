import { expect } from 'vitest'
import type { TestImage } from './images.ts'

/** The root was fetched, and nothing of the repository twice, be it by tag and by digest. */
export function expectEachOnce(served: string[], repository: string, image: TestImage): void {
  const fetched = served
    .filter((line) => line.startsWith(`GET /v2/${repository}/`))
    .map((line) => line.replace(/manifests\/1$/, `manifests/${image.root.digest}`))
  expect(fetched).toContain(`GET /v2/${repository}/manifests/${image.root.digest}`)
  expect(fetched).toEqual([...new Set(fetched)])
}
