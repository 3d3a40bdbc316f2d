import { cp, mkdir, realpath, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { DockerEngine } from './docker-engine.ts'
import { run } from './processes.ts'

/** What deploy/Dockerfile asks of its base beside Node.js and npm. */
const PROGRAMS = ['sh', 'env', 'cp', 'install']
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt'

/** Gives the engine an image `name` with Node.js and npm, all of it files of this machine. */
export async function importBaseImage(engine: DockerEngine, name: string): Promise<void> {
  const root = join(engine.folder, 'base')
  const local = join(root, 'usr/local')
  for (const path of ['tmp', 'root', 'usr/bin', 'usr/local/bin', 'usr/local/etc', 'etc']) {
    await mkdir(join(root, path), { recursive: true })
  }
  await symlink('usr/bin', join(root, 'bin'))
  for (const program of PROGRAMS) {
    await copyProgram(await pathOf(program), join(root, 'usr/bin', program), root)
  }
  await copyProgram(process.execPath, join(local, 'bin/node'), root)
  const npm = join(dirname(await realpath(await pathOf('npm'))), '..')
  await cp(npm, join(local, 'lib/node_modules/npm'), { recursive: true })
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'))
  const registry = await run(['npm', 'config', 'get', 'registry'])
  const settings = [`registry=${registry.trim().split('\n').at(-1)}`, `cafile=${AUTHORITIES}`]
  await writeFile(join(local, 'etc/npmrc'), `${settings.join('\n')}\n`)
  await run(['cp', '--dereference', '--parents', AUTHORITIES, root])
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/:\n')
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnode:x:1000:\n')
  const archive = join(engine.folder, 'base.tar')
  await run(['tar', '--create', '--file', archive, '--directory', root, '.'])
  await engine.docker(['import', archive, name])
}

async function pathOf(program: string): Promise<string> {
  return (await run(['sh', '-c', 'command -v "$0"', program])).trim()
}

/** With the libraries that it is linked with, where they are. */
async function copyProgram(program: string, to: string, root: string): Promise<void> {
  await cp(program, to, { dereference: true })
  const linked = await run(['ldd', program])
  const libraries = [...linked.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path)
  await run(['cp', '--dereference', '--parents', ...libraries, root])
}
