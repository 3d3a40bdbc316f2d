import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { eventually } from '../eventually.ts'
import { run, RunningProcess } from '../processes.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { type ClientOptions, fullName, type LoginClient, plainHttp } from './client.ts'
import { hashFolder } from './hashes.ts'

/** containerd with `ctr images pull --hosts-dir`, all platforms. */
export async function startContainerd({ mirror, outside }: ClientOptions): Promise<LoginClient> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const hosts = join(folder.path, 'hosts')
  for (const { path, content } of await mirror.clientFiles('containerd')) {
    const file = join(hosts, relative('/etc/containerd/certs.d', path))
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
  }
  const config = join(folder.path, 'config.toml')
  const root = join(folder.path, 'root')
  const socket = join(folder.path, 'containerd.sock')
  await writeFile(
    config,
    `version = 2
root = "${root}"
state = "${join(folder.path, 'state')}"
disabled_plugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.overlayfs",
]
[grpc]
  address = "${socket}"
`,
  )
  const containerd = stack.use(new RunningProcess(['containerd', '--config', config]))
  const ctr = (...args: string[]) =>
    run(['ctr', '--address', socket, ...args], { env: outside.env })
  await eventually('containerd answers', async () => {
    if (containerd.exit) throw new Error(`containerd ended:\n${containerd.output}`)
    return ctr('version').catch(() => false)
  })
  /** It keeps none by itself. */
  const logins = new Map<string, string>()
  const loginFor = (name: string) => {
    const login = logins.get(name.split('/', 1)[0] ?? '')
    return login === undefined ? [] : ['--user', login]
  }
  const owned = stack.move()
  return {
    name: 'containerd',
    keeps: 'artifacts',
    async pull(name) {
      const flags = ['--hosts-dir', hosts, '--snapshotter', 'native', '--all-platforms']
      await ctr('images', 'pull', ...flags, ...loginFor(name), fullName(name))
    },
    async push(name, as) {
      await ctr('images', 'tag', '--force', fullName(name), as)
      await ctr('images', 'push', ...plainHttp(as, '--plain-http'), ...loginFor(as), as)
    },
    async login(registry, user, password) {
      logins.set(registry, `${user}:${password}`)
    },
    async held(name) {
      const listed = await ctr('images', 'list', `name==${fullName(name)}`)
      return {
        roots: /sha256:[0-9a-f]{64}(?=\s)/.exec(listed) ?? [],
        contents: await hashFolder(join(root, 'io.containerd.content.v1.content', 'blobs')),
      }
    },
    async empty() {
      const names = (await ctr('images', 'list', '--quiet')).split('\n').filter(Boolean)
      if (names.length > 0) await ctr('images', 'remove', '--sync', ...names)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
