import { expect, test } from 'vitest'
import { TopRepositories } from '../../src/telemetry/top-repositories.ts'

function serve(top: TopRepositories, repository: string, bytes: number): void {
  top.add({ upstream: 'docker.io', repository, bytes })
}

test('what was served most comes first, each repository once', () => {
  const top = new TopRepositories()
  for (const bytes of [5, 5]) serve(top, 'library/a', bytes)
  serve(top, 'library/b', 9)
  serve(top, 'library/c', 0)
  top.add({ upstream: 'ghcr.io', repository: 'library/a', bytes: 1 })
  expect(top.list(9)).toEqual([
    { upstream: 'docker.io', repository: 'library/a', bytes: 10 },
    { upstream: 'docker.io', repository: 'library/b', bytes: 9 },
    { upstream: 'ghcr.io', repository: 'library/a', bytes: 1 },
  ])
  expect(top.list(1)).toHaveLength(1)
})

test('a scan over thousands of repositories takes little memory, and not the place of what matters', () => {
  const top = new TopRepositories()
  serve(top, 'library/a', 1_000)
  for (let index = 0; index < 10_000; index++) serve(top, `scan/${index}`, 1)
  serve(top, 'library/a', 1)
  expect(top.list(Infinity).length).toBeLessThanOrEqual(1_000)
  expect(top.list(1)).toEqual([{ upstream: 'docker.io', repository: 'library/a', bytes: 1_001 }])
})
