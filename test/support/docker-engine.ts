import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { type ProcessOptions, run, RunningProcess } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface DockerEngine extends AsyncDisposable {
  readonly folder: string
  /** Runs a command of docker's against this engine. */
  docker(args: readonly string[], options?: { timeoutMs?: number }): Promise<string>
}

interface EngineSettings {
  /** What is in daemon.json. */
  settings?: string
  env?: NonNullable<ProcessOptions['env']>
  storageDriver?: string
}

/** A Docker engine of its own, with containerd, and without a network of its own. */
export async function startDockerEngine({
  settings = '{}',
  env = {},
  storageDriver,
}: EngineSettings = {}): Promise<DockerEngine> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder()).path
  const socket = `unix://${join(folder, 'docker.sock')}`
  const file = join(folder, 'daemon.json')
  await writeFile(file, settings)
  const places = {
    'data-root': join(folder, 'data'),
    'exec-root': join(folder, 'exec'),
    pidfile: join(folder, 'pid'),
    host: socket,
    'config-file': file,
  }
  const dockerd = stack.use(
    new RunningProcess(
      [
        // In a mount namespace of its own, so that what containers mount goes with it.
        'unshare',
        '--mount',
        'dockerd',
        '--bridge=none',
        '--iptables=false',
        '--ip-forward=false',
        '--ip-masq=false',
        ...Object.entries(places).map(([option, place]) => `--${option}=${place}`),
        ...(storageDriver === undefined ? [] : [`--storage-driver=${storageDriver}`]),
      ],
      { env },
    ),
  )
  // BuildKit is a plugin of newer clients, which Debian's does without.
  const clientEnv = { ...env, DOCKER_CONFIG: folder, DOCKER_BUILDKIT: '0' }
  const docker = (args: readonly string[], { timeoutMs }: { timeoutMs?: number } = {}) =>
    run(['docker', '--host', socket, ...args], {
      env: clientEnv,
      ...(timeoutMs !== undefined && { timeoutMs }),
    })
  await eventually('dockerd answers', async () => {
    if (dockerd.exit) throw new Error(`dockerd ended:\n${dockerd.output}`)
    return docker(['version']).catch(() => false)
  })
  const owned = stack.move()
  return { folder, docker, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
