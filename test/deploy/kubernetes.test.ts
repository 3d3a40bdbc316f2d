import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { kubernetesSetup } from '../../src/cli/client/kubernetes.ts'
import { loadConfig } from '../../src/config/load.ts'
import { parseByteSize } from '../../src/util/byte-size.ts'
import { ContainerFile } from '../support/container-file.ts'
import { kubernetesFault } from '../support/schemas.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

interface Labelled {
  matchLabels: Record<string, string>
}

interface Port {
  name: string
  port: number
  targetPort: string
  nodePort?: number
}

interface Container {
  image: string
  env: { name: string; value?: string }[]
  ports: { name: string; containerPort: number }[]
  volumeMounts: { name: string; mountPath: string }[]
  startupProbe: Probe
  livenessProbe: Probe
  readinessProbe: Probe
}

interface Probe {
  httpGet: { path: string; port: string }
}

interface KubernetesObject {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace: string; labels: Record<string, string> }
  data: Record<string, string>
  spec: {
    selector: Labelled & Record<string, string>
    podSelector: Labelled
    ports: Port[]
    ingress: { ports: { port: string }[] }[]
    template: {
      metadata: { labels: Record<string, string> }
      spec: {
        securityContext: { runAsNonRoot: boolean }
        terminationGracePeriodSeconds: number
        containers: [Container & { securityContext: Record<string, unknown> }]
        volumes: { name: string; configMap: { name: string } }[]
      }
    }
    volumeClaimTemplates: [
      { metadata: { name: string }; spec: { resources: { requests: { storage: string } } } },
    ]
  }
}

const objects = readObjects('deploy/kubernetes/entrepot.yaml')
const set = one('StatefulSet')
const pod = set.spec.template
const [container] = pod.spec.containers

describe.each(['entrepot.yaml', 'nodes.yaml'])('deploy/kubernetes/%s', (file) => {
  const written = readObjects(`deploy/kubernetes/${file}`)

  it.each(written)('is a $kind as Kubernetes knows it', (object) => {
    expect(kubernetesFault(object)).toBeUndefined()
  })

  it.each(written)('would be refused with a field that no $kind has', (object) => {
    const { metadata } = object
    expect(kubernetesFault({ ...object, metadata: { ...metadata, nmae: 'a' } } as never)).toContain(
      'nmae',
    )
  })
})

describe('deploy/kubernetes/entrepot.yaml', async () => {
  const dockerfile = await ContainerFile.read(join(ROOT, 'deploy/Dockerfile'))

  it('has everything in one namespace, under one label', () => {
    expect(objects.map(({ kind, apiVersion }) => `${apiVersion} ${kind}`)).toEqual([
      'v1 ConfigMap',
      'apps/v1 StatefulSet',
      'v1 Service',
      'v1 Service',
      'networking.k8s.io/v1 NetworkPolicy',
      'policy/v1 PodDisruptionBudget',
    ])
    const { labels } = pod.metadata
    for (const { metadata } of objects)
      expect(metadata).toMatchObject({ namespace: 'entrepot', labels })
    const selectors = [
      set.spec.selector.matchLabels,
      ...all('Service').map(({ spec }) => spec.selector),
      one('NetworkPolicy').spec.podSelector.matchLabels,
      one('PodDisruptionBudget').spec.selector.matchLabels,
    ]
    for (const selector of selectors) expect(selector).toEqual(labels)
  })

  it('has a configuration that is valid, of ports that all agree on', async () => {
    const config = await configuration()
    const ports = { registry: config.listen.port, admin: config.admin.port }
    expect(dockerfile.final('EXPOSE')).toBe(String(ports.registry))
    expect(container.ports.map(({ name, containerPort }) => [name, containerPort])).toEqual(
      Object.entries(ports),
    )
    for (const { spec } of all('Service')) {
      for (const { name, port, targetPort } of spec.ports) {
        expect(targetPort).toBe(name)
        expect(ports).toMatchObject({ [name]: port })
      }
    }
    const open = one('NetworkPolicy').spec.ingress.flatMap((rule) => rule.ports)
    expect(open.map(({ port }) => port)).toEqual(Object.keys(ports))
  })

  it('keeps no more than its volume holds', async () => {
    const { maxBytes, minFreeBytes } = (await configuration()).eviction
    const [claim] = set.spec.volumeClaimTemplates
    const volumeBytes = parseByteSize(`${claim.spec.resources.requests.storage}B`)
    expect(maxBytes + minFreeBytes).toBeLessThan(volumeBytes ?? 0)
  })

  it('runs the image as its Dockerfile means it', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      version: string
    }
    expect(container.image).toMatch(new RegExp(`/entrepot:${version}$`))
    expect(container.volumeMounts.map(({ mountPath }) => mountPath)).toEqual([
      dockerfile.final('VOLUME'),
      '/etc/entrepot',
    ])
    expect(container.env[0]).toEqual({
      name: 'ENTREPOT_CONFIG',
      value: '/etc/entrepot/mirror.config.yml',
    })
    expect(pod.spec.volumes[0]?.configMap.name).toBe(one('ConfigMap').metadata.name)
    expect(pod.spec.securityContext.runAsNonRoot).toBe(true)
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    const { startupProbe, livenessProbe, readinessProbe } = container
    expect([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet)).toEqual([
      { path: '/readyz', port: 'registry' },
      { path: '/healthz', port: 'registry' },
      { path: '/readyz', port: 'registry' },
    ])
    expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(25)
  })
})

describe('deploy/kubernetes/nodes.yaml', () => {
  it('is what entrepot client kubernetes prints for that service', async () => {
    const [service] = all('Service')
    const url = new URL(`http://localhost:${service?.spec.ports[0]?.nodePort}`)
    const { upstreams } = await configuration()
    const setup = kubernetesSetup({
      url,
      upstreams: Object.entries(upstreams).map(([name, { prefix, default: isDefault }]) => ({
        name,
        prefix,
        isDefault,
      })),
    })
    const printed = setup.files.flatMap(({ content }) => documentsOf(content))
    expect(readObjects('deploy/kubernetes/nodes.yaml')).toEqual(printed)
  })
})

async function configuration() {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'mirror.config.yml')
  await writeFile(file, one('ConfigMap').data['mirror.config.yml'] ?? '')
  const { config } = await loadConfig({ file, environment: { ADMIN_TOKEN: 'token' } })
  return config
}

function all(kind: string): KubernetesObject[] {
  return objects.filter((object) => object.kind === kind)
}

function one(kind: string): KubernetesObject {
  const found = all(kind)
  if (!found[0] || found[1]) throw new Error(`there are ${found.length} of kind ${kind}`)
  return found[0]
}

function readObjects(path: string): KubernetesObject[] {
  return documentsOf(readFileSync(join(ROOT, path), 'utf8'))
}

function documentsOf(text: string): KubernetesObject[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors[0]) throw document.errors[0]
    return document.toJS() as KubernetesObject
  })
}
