import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { ContainerFile } from '../support/container-file.ts'
import { composeFault } from '../support/schemas.ts'

const DEPLOY = fileURLToPath(new URL('../../deploy', import.meta.url))

interface Service {
  image: string
  build?: { context: string; dockerfile: string }
  command?: string | string[]
  environment: Record<string, string>
  ports?: string[]
  volumes?: string[]
  network_mode?: string
  depends_on?: Record<string, unknown>
}

describe.each(['compose.yml', 'compose.disk.yml', 'compose.tls.yml'])('deploy/%s', (name) => {
  const file = parse(readFileSync(join(DEPLOY, name), 'utf8')) as {
    services: { entrepot: Service & Record<string, unknown> }
  }

  it('is as compose knows it', () => {
    expect(composeFault(file)).toBeUndefined()
  })

  it('would be refused with a key that no service has', () => {
    const services = { ...file.services, entrepot: { ...file.services.entrepot, imgae: 'a' } }
    expect(composeFault({ ...file, services })).toContain('imgae')
  })

  it('shows the page on this machine, once there is a token for it', async () => {
    const { environment, ports } = file.services.entrepot
    const given = { S3_SECRET_ACCESS_KEY: 'given-secret' }
    const { config: closed } = await loadConfig({ environment: interpolated(environment, given) })
    expect(closed.admin).toEqual({ host: '127.0.0.1', port: 5001 })
    const { config } = await loadConfig({
      environment: interpolated(environment, { ...given, ADMIN_TOKEN: 'given-token' }),
    })
    expect(config.admin.token?.reveal()).toBe('given-token')
    if (file.services.entrepot.network_mode === 'host') {
      expect(config.admin.host).toBe('127.0.0.1')
      return
    }
    expect(config.admin.host).toBe('0.0.0.0')
    expect(ports).toContain(`127.0.0.1:${config.admin.port}:${config.admin.port}`)
  })

  it('runs the mirror without rights, on a file system that it cannot write', () => {
    expect(file.services.entrepot).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      stop_grace_period: '40s',
    })
  })

  it('keeps memory and logs within limits', () => {
    expect(file.services.entrepot['mem_limit']).toBe('2g')
    expect(file.services.entrepot['logging']).toEqual({
      driver: 'json-file',
      options: { 'max-size': '50m', 'max-file': '4' },
    })
  })
})

describe('deploy/compose.yml', async () => {
  const text = readFileSync(join(DEPLOY, 'compose.yml'), 'utf8')
  const { services, volumes } = parse(text) as {
    services: Record<'entrepot' | 'minio' | 'bucket', Service>
    volumes: Record<string, unknown>
  }
  const dockerfile = await ContainerFile.read(join(DEPLOY, 'Dockerfile'))
  const given = { S3_SECRET_ACCESS_KEY: 'given-secret' }

  it('configures a store in the bucket that it makes', async () => {
    const environment = interpolated(services.entrepot.environment, given)
    const { config } = await loadConfig({ environment })
    expect(config.store).toMatchObject({ type: 's3', bucket: 'entrepot', forcePathStyle: true })
    expect(config.store.cache?.maxBytes).toBe(10 * 1024 ** 3)
    expect(config.store.endpoint?.hostname).toBe('minio')
    const make = services.bucket.command!.at(-1)
    expect(make).toContain(`mc alias set minio ${config.store.endpoint?.origin} `)
    expect(make).toContain(`mc mb --ignore-existing minio/${config.store.bucket}`)
    for (const service of [services.minio, services.bucket]) {
      expect(interpolated(service.environment, given)).toEqual({
        MINIO_ROOT_USER: config.store.accessKeyId?.reveal(),
        MINIO_ROOT_PASSWORD: config.store.secretAccessKey?.reveal(),
      })
    }
  })

  it('does not start without a secret', () => {
    for (const { environment } of Object.values(services)) {
      expect(() => interpolated(environment, {})).toThrow('S3_SECRET_ACCESS_KEY is to be set')
    }
  })

  it('starts one after the other', () => {
    expect(services.entrepot.depends_on).toEqual({
      bucket: { condition: 'service_completed_successfully' },
    })
    expect(services.bucket.depends_on).toEqual({ minio: { condition: 'service_healthy' } })
  })

  it('is about the image that deploy/Dockerfile makes', () => {
    const { build, ports, volumes: mounted } = services.entrepot
    expect(build).toEqual({ context: '..', dockerfile: 'deploy/Dockerfile' })
    const port = dockerfile.final('EXPOSE')
    expect(ports).toContain(`${port}:${port}`)
    expect(mounted).toEqual([`data:${dockerfile.final('VOLUME')}`])
    expect(Object.keys(volumes)).toEqual(['data', 'objects'])
  })
})

describe('deploy/compose.disk.yml', async () => {
  const text = readFileSync(join(DEPLOY, 'compose.disk.yml'), 'utf8')
  const { services } = parse(text) as { services: Record<string, Service> }
  const dockerfile = await ContainerFile.read(join(DEPLOY, 'Dockerfile'))

  it('is the mirror alone, with as much content as it is told to keep', async () => {
    expect(Object.keys(services)).toEqual(['entrepot'])
    const { environment, build, ports, volumes } = services['entrepot']!
    const given = interpolated(environment, { MAX_SIZE: '20GiB' })
    const { config } = await loadConfig({ environment: given })
    expect(config.eviction.maxBytes).toBe(20 * 1024 ** 3)
    expect(config.store.type).toBe('file')
    expect(build).toEqual({ context: '..', dockerfile: 'deploy/Dockerfile' })
    expect(ports).toContain(`${config.listen.port}:${dockerfile.final('EXPOSE')}`)
    expect(volumes).toEqual([`data:${dockerfile.final('VOLUME')}`])
  })
})

describe('deploy/compose.tls.yml', async () => {
  const dockerfile = await ContainerFile.read(join(DEPLOY, 'Dockerfile'))
  const text = readFileSync(join(DEPLOY, 'compose.tls.yml'), 'utf8')
  const { services } = parse(text) as { services: Record<'entrepot' | 'nginx', Service> }
  const nginx = readFileSync(join(DEPLOY, 'nginx.conf'), 'utf8')

  it('has nginx reach the mirror where it listens, and be believed', async () => {
    const { config } = await loadConfig({
      environment: interpolated(services.entrepot.environment, {}),
    })
    const { host, port } = config.listen
    expect(nginx).toContain(`server ${host}:${port};`)
    expect(services.entrepot.environment['ENTREPOT_LISTEN__TRUSTED_PROXIES__0']).toBe(host)
  })

  it('cuts neither off when the other one starts anew', () => {
    for (const { network_mode, ports } of Object.values(services)) {
      expect({ network_mode, ports }).toEqual({ network_mode: 'host', ports: undefined })
    }
  })

  it('starts nginx soon, on engines that first look after an interval', () => {
    expect(services.nginx.depends_on).toEqual({ entrepot: { condition: 'service_healthy' } })
    const health = dockerfile.final('HEALTHCHECK')
    const [, seconds] = /^--interval=(\d+)s /.exec(health) ?? []
    expect(Number(seconds)).toBeLessThanOrEqual(10)
    // Builders of those engines refuse it.
    expect(health).not.toContain('--start-interval')
  })

  it('mounts what nginx reads', () => {
    const mounts = services.nginx.volumes?.map((mount) => mount.split(':'))
    expect(mounts).toEqual([
      ['./nginx.conf', '/etc/nginx/conf.d/default.conf', 'ro'],
      ['./certificates', '/etc/nginx/certificates', 'ro'],
    ])
    for (const [, file] of nginx.matchAll(/^ *ssl_certificate(?:_key)? +(\S+);/gm)) {
      expect(file).toMatch(/^\/etc\/nginx\/certificates\//)
    }
  })
})

/** As compose does it: `${NAME:-default}`, `${NAME:+instead}`, and `${NAME:?message}` where there is none. */
function interpolated(
  environment: Record<string, string>,
  given: Record<string, string>,
): Record<string, string> {
  const value = (text: string) =>
    text.replaceAll(
      /\$\{(\w+):([-+?])([^}]*)\}/g,
      (_, name: string, kind: string, rest: string) => {
        if (kind === '?' && !given[name]) throw new Error(`${name} ${rest}`)
        const isRest = (kind === '+') === Boolean(given[name])
        return isRest ? rest : (given[name] ?? '')
      },
    )
  return Object.fromEntries(Object.entries(environment).map(([name, text]) => [name, value(text)]))
}
