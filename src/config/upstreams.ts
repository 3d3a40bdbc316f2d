import { z } from 'zod'
import { endpointFields, failoverEndpoint, type EndpointConfig } from './endpoint.ts'
import {
  hostName,
  imageInRegistry,
  registryName,
  registryUrl,
  repositoryPattern,
  repositoryPrefix,
} from './fields.ts'
import type { SecretReader } from './secret.ts'
import { tagsField, type TagsConfig } from './tags.ts'

/** One upstream with everything that was left out filled in. */
export interface UpstreamConfig extends EndpointConfig {
  /** True for the one that answers requests which name no registry. */
  default: boolean
  failover: EndpointConfig[]
  /** What is asked for at `url`, as `repository` or `repository:tag`, to see what a limit leaves. */
  probe?: string | undefined
  allow: string[]
  deny: string[]
  hosts: string[]
  tags: TagsConfig
  /** In front of a repository it chooses this upstream. */
  prefix: string
}

const DOCKER_HUB = 'docker.io'
const DOCKER_HUB_URL = 'https://registry-1.docker.io'

/** Made by Docker for this: a HEAD of it tells the limit, and costs no pull. */
const DOCKER_HUB_PROBE = 'ratelimitpreview/test'

function upstreamField(read: SecretReader) {
  return z.strictObject({
    url: registryUrl
      .optional()
      .describe(
        `URL of the registry; \`http://\` is plain HTTP, which is warned of. If left out: \`${DOCKER_HUB_URL}\` for ${DOCKER_HUB}, ` +
          '`https://NAME` for others.',
      ),
    default: z
      .boolean()
      .optional()
      .describe(
        'Whether requests that name no registry are for this upstream; exactly one is the default. ' +
          `If left out: yes for the only upstream, or for ${DOCKER_HUB} if no other is marked.`,
      ),
    ...endpointFields(read),
    failover: z.array(failoverEndpoint(read)).default([]),
    probe: imageInRegistry
      .optional()
      .describe(
        'What `entrepot upstream test` asks for with a HEAD, to see what is left of a limit: ' +
          `\`repository\` or \`repository:tag\`. If left out: \`${DOCKER_HUB_PROBE}\` for ${DOCKER_HUB}; ` +
          'others are only asked whether they answer.',
      ),
    allow: z
      .array(
        repositoryPattern.describe(
          'What may be pulled, as `repository` or `repository:tag` with `*` for anything up to ' +
            'a `/` and `**` for anything; all else is refused. If left out: `**`.',
        ),
      )
      .default(['**']),
    deny: z
      .array(repositoryPattern.describe('What may not be pulled, even if `allow` has it.'))
      .default([]),
    tags: tagsField,
    hosts: z
      .array(
        hostName.describe(
          'Name of this mirror, without a port, under which it serves this upstream alone, ' +
            'without a prefix: `ghcr.mirror.example`.',
        ),
      )
      .default([]),
    prefix: repositoryPrefix
      .optional()
      .describe('Path in front of a repository that selects this upstream. If left out: NAME.'),
  })
}

type UpstreamInput = z.output<ReturnType<typeof upstreamField>>

/** The map of upstreams; what depends on names or neighbours is decided here. */
export function upstreamsField(read: SecretReader) {
  return z.codec(
    z.record(registryName, upstreamField(read)),
    z.custom<Record<string, UpstreamConfig>>(),
    {
      decode(inputs, context) {
        const { defaultName, faults } = chooseDefault(inputs)
        for (const { path, message } of [...faults, ...addressFaults(inputs)]) {
          context.issues.push({ code: 'custom', path, message, input: inputs })
        }
        return Object.fromEntries(
          Object.entries(inputs).map(([name, input]) => [
            name,
            {
              ...input,
              url: input.url ?? new URL(name === DOCKER_HUB ? DOCKER_HUB_URL : `https://${name}`),
              default: name === defaultName,
              probe: input.probe ?? (name === DOCKER_HUB ? DOCKER_HUB_PROBE : undefined),
              prefix: input.prefix ?? name,
            },
          ]),
        )
      },
      encode: (upstreams) => upstreams,
    },
  )
}

interface Fault {
  path: (string | number)[]
  message: string
}

function chooseDefault(inputs: Record<string, UpstreamInput>): {
  defaultName?: string
  faults: Fault[]
} {
  const names = Object.keys(inputs)
  const marked = names.filter((name) => inputs[name]?.default)
  const [first, ...others] = marked
  if (first !== undefined) {
    const message = `${first} is the default already`
    return {
      defaultName: first,
      faults: others.map((name) => ({ path: [name, 'default'], message })),
    }
  }
  const open = names.filter((name) => inputs[name]?.default === undefined)
  const defaultName = open.find((name) => name === DOCKER_HUB || names.length === 1)
  if (defaultName !== undefined) return { defaultName, faults: [] }
  const message = names.length === 0 ? 'expected at least one upstream' : 'expected one default'
  return { faults: [{ path: [], message }] }
}

function addressFaults(inputs: Record<string, UpstreamInput>): Fault[] {
  const owners = new Map<string, string>()
  const faults: Fault[] = []
  for (const [name, input] of Object.entries(inputs)) {
    const prefix = input.prefix ?? name
    const addresses = [
      { path: ['prefix'], address: prefix, key: `/${prefix}` },
      ...input.hosts.map((host, index) => ({ path: ['hosts', index], address: host, key: host })),
    ]
    for (const { path, address, key } of addresses) {
      const owner = owners.get(key)
      if (owner === undefined) owners.set(key, name)
      else faults.push({ path: [name, ...path], message: `${address} chooses ${owner} already` })
    }
    if (prefix.split('/').includes('v2')) {
      faults.push({ path: [name, 'prefix'], message: 'v2 is where the registry begins' })
    }
  }
  return faults
}
