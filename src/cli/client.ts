import { hostname } from 'node:os'
import { Argument, Command, Option } from 'commander'
import type { Config } from '../config/schema.ts'
import { isUnspecified, listenUrl, type ListenAddress } from '../util/listen-url.ts'
import { buildkitSetup } from './client/buildkit.ts'
import { checkClient } from './client/check-client.ts'
import { type ClientFile, type ClientMirror, type ClientSetup } from './client/client-setup.ts'
import { containerdSetup } from './client/containerd.ts'
import { dockerSetup } from './client/docker.ts'
import { kubernetesSetup } from './client/kubernetes.ts'
import { podmanSetup } from './client/podman.ts'
import { type ConfigOptions, loadWithOptions } from './config-options.ts'
import { UsageError } from './failure.ts'
import { print, printError, printJson } from './output.ts'

const SETUPS = {
  docker: dockerSetup,
  containerd: containerdSetup,
  podman: podmanSetup,
  buildkit: buildkitSetup,
  kubernetes: kubernetesSetup,
} satisfies Record<string, (mirror: ClientMirror) => ClientSetup>

interface Options {
  config?: string
  url?: string
  check?: true
  image?: string[]
  json?: true
}

export function clientCommand(): Command {
  return new Command('client')
    .description('Prints the configuration that makes a client use this mirror.')
    .addArgument(new Argument('<client>', 'Which client.').choices(Object.keys(SETUPS)))
    .option('--config <file>', 'Configuration file of the daemon; ENTREPOT_CONFIG where left out.')
    .option(
      '--url <url>',
      'Where clients reach the mirror; by the name of this host where left out.',
    )
    .option('--check', 'Print nothing, but pull of each upstream as the client does.')
    .addOption(
      new Option(
        '--image <image...>',
        'What --check pulls, for example alpine:3 or ghcr.io/OWNER/IMAGE:TAG; of well-known registries something small where left out.',
      ).implies({ check: true }),
    )
    .option('--json', 'Print JSON.')
    .action(client)
}

async function client(name: keyof typeof SETUPS, options: Options): Promise<void> {
  const mirror = await clientMirror(options)
  const setup = SETUPS[name](mirror)
  if (options.check) await checkClient(mirror, setup.routes, options)
  else if (options.json) printJson(setup.files)
  else {
    print(filesText(setup.files))
    // Not among the files, which may be on their way into a file or a program.
    printError(setup.notes.join('\n'))
  }
}

/** The mirror of a configuration as clients reach it. Throws ConfigError and UsageError. */
export async function clientMirror(
  options: ConfigOptions & { url?: string },
): Promise<ClientMirror> {
  const { config } = await loadWithOptions(options)
  const upstreams = Object.entries(config.upstreams).map(
    ([name, { prefix, default: isDefault }]) => ({ name, prefix, isDefault }),
  )
  return { url: mirrorUrl(options.url, addressOf(config.listen)), upstreams }
}

function addressOf({ host, port, tls }: Config['listen']): ListenAddress {
  return { host, port, scheme: tls ? 'https' : 'http' }
}

function mirrorUrl(text: string | undefined, listens: ListenAddress): URL {
  if (text === undefined) {
    if (listens.port > 0) {
      const host = isUnspecified(listens) ? hostname() : listens.host
      return new URL(listenUrl({ ...listens, host }))
    }
    throw new UsageError('the mirror listens on any free port (listen.port is 0): see --url')
  }
  const url = URL.parse(text)
  if (url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url
  throw new UsageError(`--url takes a URL without a path, as http://mirror:5000, not ${text}`)
}

/** JSON has no comments: a file of it that is alone is printed as it is. */
function filesText(files: readonly ClientFile[]): string {
  const isAlone = files.length === 1
  return files
    .map(({ path, content }) =>
      isAlone && path.endsWith('.json') ? content : `# ${path}\n${content}`,
    )
    .join('\n')
    .trimEnd()
}
