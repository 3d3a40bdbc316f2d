import { DebianRegistry } from './debian-registry.ts'
import { type FakeHub, startFakeHub } from './fake-hub/fake-hub.ts'
import type { TestImage } from './images.ts'
import type { Tool } from './tools.ts'

/** What the tests of clients need of any upstream. */
export interface TestUpstream extends AsyncDisposable {
  readonly url: string
  publish(repository: string, tag: string, image: TestImage): Promise<void>
  /** `METHOD /v2/…` of each request that was answered with content, or with a redirect to it. */
  served(): Promise<string[]>
  goDown(): Promise<void>
}

interface KnownUpstream {
  name: string
  tools: Tool[]
  start: () => Promise<TestUpstream>
}

export const TEST_UPSTREAMS: readonly KnownUpstream[] = [
  { name: 'Docker Hub (fake)', tools: [], start: startHubUpstream },
  {
    name: 'docker-registry',
    tools: ['docker-registry', 'skopeo'],
    start: startDebianUpstream,
  },
]

/** As `TestUpstream.served`. */
export function servedBy(hub: FakeHub): string[] {
  return hub.requests
    .filter(({ server, status }) => server === 'registry' && status >= 200 && status < 400)
    .map(({ method, path }) => `${method} ${path}`)
}

async function startHubUpstream(): Promise<TestUpstream> {
  const hub = await startFakeHub({ rateLimit: { limit: 1000 } })
  return {
    url: hub.url,
    publish(repository, tag, image) {
      hub.add(repository, tag, image)
      return Promise.resolve()
    },
    served: () => Promise.resolve(servedBy(hub)),
    goDown: () => hub.goDown(),
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
  }
}

async function startDebianUpstream(): Promise<TestUpstream> {
  const registry = await DebianRegistry.start()
  return {
    url: registry.url,
    publish: (repository, tag, image) => registry.push(repository, tag, image),
    async served() {
      const lines = (await registry.accessLog()).matchAll(
        /"((?:GET|HEAD) \/v2\/\S+) HTTP\/1\.1" [23]/g,
      )
      return [...lines].map(([, request = '']) => request)
    },
    goDown: () => registry.goDown(),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  }
}
