import { expect, test } from 'vitest'
import { TopRepositories } from '../../src/telemetry/top-repositories.ts'

const none = { hit: 0, miss: 0, join: 0, stale: 0, bypass: 0 }

function serve(top: TopRepositories, repository: string, bytes: number): void {
  top.add({ upstream: 'docker.io', repository, outcome: 'hit', bytes })
}

test('what was served most comes first, each repository once, with its pulls', () => {
  const top = new TopRepositories()
  for (const bytes of [5, 5]) serve(top, 'library/a', bytes)
  top.add({ upstream: 'docker.io', repository: 'library/a', outcome: 'miss', bytes: 2 })
  serve(top, 'library/b', 9)
  serve(top, 'library/c', 0)
  top.add({ upstream: 'ghcr.io', repository: 'library/a', outcome: 'join', bytes: 1 })
  expect(top.list(9)).toEqual([
    {
      upstream: 'docker.io',
      repository: 'library/a',
      bytes: 12,
      pulls: { ...none, hit: 2, miss: 1 },
    },
    { upstream: 'docker.io', repository: 'library/b', bytes: 9, pulls: { ...none, hit: 1 } },
    { upstream: 'ghcr.io', repository: 'library/a', bytes: 1, pulls: { ...none, join: 1 } },
  ])
  expect(top.list(1)).toHaveLength(1)
  const known = { upstream: 'docker.io', repository: 'library/b' }
  expect(top.of(known)).toEqual({ ...known, bytes: 9, pulls: { ...none, hit: 1 } })
  const unknown = { upstream: 'ghcr.io', repository: 'library/b' }
  expect(top.of(unknown)).toEqual({ ...unknown, bytes: 0, pulls: none })
})

test('a scan over thousands of repositories takes little memory, and not the place of what matters', () => {
  const top = new TopRepositories()
  serve(top, 'library/a', 1_000)
  for (let index = 0; index < 10_000; index++) serve(top, `scan/${index}`, 1)
  serve(top, 'library/a', 1)
  expect(top.list(Infinity).length).toBeLessThanOrEqual(1_000)
  expect(top.list(1)).toMatchObject([{ repository: 'library/a', bytes: 1_001 }])
})
