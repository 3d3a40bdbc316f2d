import { S3Server } from './s3-server.ts'
import type { Tool } from './tools.ts'

interface TestStore extends AsyncDisposable {
  /** As in the configuration. */
  store: Record<string, unknown>
}

interface KnownStore {
  name: string
  tools: Tool[]
  start: () => Promise<TestStore>
}

export const FILES: KnownStore = {
  name: 'files',
  tools: [],
  start: () =>
    Promise.resolve({
      store: { type: 'file' },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
}

export const BUCKET: KnownStore = {
  name: 'S3',
  tools: ['versitygw'],
  async start() {
    await using stack = new AsyncDisposableStack()
    const server = stack.use(await S3Server.start())
    const store = server.store(await server.makeBucket())
    const owned = stack.move()
    return { store, [Symbol.asyncDispose]: () => owned.disposeAsync() }
  },
}
