import { chown, mkdir, readFile, stat } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { ContainerFile } from '../support/container-file.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { run, RunningProcess } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const NOBODY = 65_534
/** The Node.js of the tests stands for that of the image. */
const PATH = [dirname(process.execPath), process.env['PATH']].join(delimiter)

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

  it.runIf(process.getuid?.() === 0)(
    'makes something that runs as nobody on a read-only file system and is healthy',
    async () => {
      await using folder = await temporaryFolder()
      await file.build(ROOT, folder.path, { PATH })
      const image = join(folder.path, 'image')
      const data = join(folder.path, 'data')
      await mkdir(data)
      await chown(data, NOBODY, NOBODY)
      await run(['chmod', '-R', 'a+rX', folder.path])
      const env = {
        PATH,
        NODE_ENV: 'production',
        ENTREPOT_DATA: data,
        ENTREPOT_LISTEN__HOST: '127.0.0.1',
        ENTREPOT_LISTEN__PORT: String(await freePort()),
        ENTREPOT_ADMIN__PORT: String(await freePort()),
      }
      const here = (words: string[]) =>
        words.map((word) => word.replace(/^\/app\//, `${image}/app/`))
      const command = [...here(file.command('ENTRYPOINT')), ...file.command('CMD')]
      const readOnly = 'mount --bind "$0" "$0" && mount -o remount,bind,ro / && exec setpriv "$@"'
      const nobody = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--']
      await using daemon = new RunningProcess(
        ['unshare', '--mount', 'sh', '-c', readOnly, data, ...nobody, ...command],
        { env, cwd: join(image, 'app') },
      )
      const check = file.command('HEALTHCHECK')
      await eventually('the health check passes', async () => {
        if (daemon.exit) throw new Error(daemon.output)
        return run(check, { env }).then(
          () => true,
          () => false,
        )
      })
      daemon.kill('SIGTERM')
      expect(await daemon.exited).toEqual({ code: 0, signal: null })
      await expect(run(check, { env })).rejects.toThrow()
    },
  )
})
