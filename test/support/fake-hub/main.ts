import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { buildImage } from '../images.ts'
import { startFakeHub, type FakeHubOptions } from './fake-hub.ts'
import { buildOpaqueImage } from './opaque-image.ts'

const USAGE = `Usage: node test/support/fake-hub/main.ts [options] IMAGE...
  IMAGE             repository:tag=LAYERSxSIZE[,opaque], for example library/demo:latest=8x32MiB
                    real gzipped tar layers, or with opaque incompressible bytes that are made at once
  --port N          the registry's port (token server and CDN take the next two); free ports by default
  --latency-ms N    before every answer
  --bytes-per-second N  of every body
  --auth MODE       none | bearer | bearer-required | basic
  --user NAME:PASS  credentials that are known
  --direct          the registry sends blobs itself
  --rate-limit N    manifest GETs in six hours
Prints one line of JSON with its addresses and digests, and runs until SIGTERM or SIGINT.`

const UNITS: Record<string, number> = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean' },
      port: { type: 'string' },
      'latency-ms': { type: 'string' },
      'bytes-per-second': { type: 'string' },
      auth: { type: 'string' },
      user: { type: 'string' },
      direct: { type: 'boolean' },
      'rate-limit': { type: 'string' },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return
  }
  const options: FakeHubOptions = { blobs: values.direct ? 'direct' : 'redirect' }
  const port = Number(values.port ?? 0)
  if (port > 0) {
    options.ports = { registry: port, token: port + 1, cdn: port + 2 }
  }
  if (values['latency-ms']) options.latencyMs = Number(values['latency-ms'])
  if (values['bytes-per-second']) options.bytesPerSecond = Number(values['bytes-per-second'])
  if (values.auth) options.auth = values.auth as NonNullable<FakeHubOptions['auth']>
  if (values.user) {
    const [username = '', password = ''] = values.user.split(':')
    options.credentials = [{ username, password }]
  }
  if (values['rate-limit']) options.rateLimit = { limit: Number(values['rate-limit']) }

  await using hub = await startFakeHub(options)
  const images: Record<string, string> = {}
  for (const text of positionals) {
    const { repository, tag, layers, layerBytes, isOpaque } = parseImage(text)
    const spec = { seed: `${repository}:${tag}`, layers, layerBytes }
    const image = isOpaque ? buildOpaqueImage(spec) : await buildImage(spec)
    hub.add(repository, tag, image)
    images[`${repository}:${tag}`] = image.root.digest
  }
  console.log(JSON.stringify({ registry: hub.url, token: hub.tokenUrl, cdn: hub.cdnUrl, images }))
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
}

function parseImage(text: string) {
  const match = /^(.+):([^:=]+)=(\d+)x(\d+)(KiB|MiB|GiB|)(,opaque)?$/.exec(text)
  const [, repository, tag, layers, size, unit = '', opaque] = match ?? []
  if (!repository || !tag) throw new Error(`not an image: ${text}\n${USAGE}`)
  return {
    repository,
    tag,
    layers: Number(layers),
    layerBytes: Number(size) * (UNITS[unit] ?? 1),
    isOpaque: opaque !== undefined,
  }
}

await main()
