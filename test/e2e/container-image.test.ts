import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { importBaseImage } from '../support/base-image.ts'
import { ContainerFile } from '../support/container-file.ts'
import { startDockerEngine } from '../support/docker-engine.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { haveTools } from '../support/tools.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

describe('deploy/Dockerfile', async () => {
  const file = await ContainerFile.read(join(ROOT, 'deploy/Dockerfile'))

  it('copies only what is there and is let through by .dockerignore', async () => {
    const ignores = (await readFile(join(ROOT, '.dockerignore'), 'utf8')).split('\n')
    expect(ignores[0]).toBe('*')
    expect(file.sources.length).toBeGreaterThan(0)
    for (const source of file.sources) {
      await expect(stat(join(ROOT, source))).resolves.toBeDefined()
      expect(ignores).toContain(`!${source}`)
    }
  })

  it('keeps data in the one place that is written, and does not run as root', () => {
    expect(file.final('ENV')).toContain(`ENTREPOT_DATA=${file.final('VOLUME')}`)
    expect(file.final('USER')).toBe('node')
    expect(file.final('EXPOSE')).toBe('5000')
  })

  it.runIf(haveTools('docker', 'dockerd'))(
    'makes an image that runs as nobody on a read-only file system and is healthy',
    async (context) => {
      await using engine = await startDockerEngine()
      const base = file.final('FROM')
      await importBaseImage(engine, base)
      const runs = await engine
        .docker(['run', '--rm', '--network=none', base, 'sh', '-c', ':'])
        .then(
          () => true,
          (error: unknown) => {
            console.warn('SKIPPED: this engine cannot run containers:', error)
            return false
          },
        )
      if (!runs) context.skip()
      const onHost = '--network=host'
      const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']
      const given = proxies.flatMap((name) => ['--build-arg', name])
      const dockerfile = join(ROOT, 'deploy/Dockerfile')
      const build = ['build', onHost, ...given, '--file', dockerfile, '--tag', 'entrepot', ROOT]
      await engine.docker(build, { timeoutMs: 170_000 })
      const env = {
        ENTREPOT_LISTEN__PORT: await freePort(),
        ENTREPOT_ADMIN__PORT: await freePort(),
      }
      const variables = Object.entries(env).map(([name, value]) => `--env=${name}=${value}`)
      const rights = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges:true']
      const options = ['--name=mirror', '--volume=data:/data', '--health-interval=1s', onHost]
      await engine.docker(['run', '--detach', ...options, ...rights, ...variables, 'entrepot'])
      const state = async (format: string) =>
        (await engine.docker(['inspect', '--format', `{{.State.${format}}}`, 'mirror'])).trim()
      await eventually('the mirror is healthy', async () => {
        if ((await state('Running')) !== 'true') {
          throw new Error(await engine.docker(['logs', 'mirror']))
        }
        return (await state('Health.Status')) === 'healthy'
      })
      const inside = (...command: string[]) => engine.docker(['exec', 'mirror', ...command])
      expect(await inside('node', '-p', 'process.getuid()')).toBe('1000\n')
      expect(await inside('node', '/app/dist/main.js', 'status')).toMatch(/^healthy/)
      await expect(inside('cp', '/etc/passwd', '/app')).rejects.toThrow('Read-only file system')
      await engine.docker(['stop', '--time=40', 'mirror'])
      expect(await state('ExitCode')).toBe('0')
    },
  )
})
