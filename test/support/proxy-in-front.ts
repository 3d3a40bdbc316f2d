import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { run, RunningProcess } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'

const SHIPPED = fileURLToPath(new URL('../../deploy/nginx.conf', import.meta.url))

/** nginx with TLS in front of a mirror, as deploy/nginx.conf has it, with its comments taken out. */
export interface ProxyInFront extends AsyncDisposable {
  port: number
}

/** `certificates` is a folder with `server.pem` and `server.key`. */
export async function startProxyInFront(
  mirror: { host: string },
  certificates: string,
): Promise<ProxyInFront> {
  await using parts = new AsyncDisposableStack()
  const folder = parts.use(await temporaryFolder()).path
  const port = await freePort()
  const shipped = await readFile(SHIPPED, 'utf8')
  const given = shipped
    .replace(/^ {4}# (?=location \/registry)[\s\S]*?^ {4}# \}$/m, (text) =>
      text.replaceAll(/^ {4}# /gm, '    '),
    )
    .replace('server 127.0.0.1:5000;', `server ${mirror.host};`)
    .replace('listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`)
    .replaceAll('/etc/nginx/certificates', certificates)
  await mkdir(join(folder, 'temporary'))
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(folder, 'temporary')};`,
  )
  const file = join(folder, 'nginx.conf')
  await writeFile(
    file,
    [
      'daemon off;',
      `pid ${join(folder, 'pid')};`,
      'error_log stderr;',
      'events {}',
      `http { access_log off; ${temporary.join(' ')}`,
      given,
      '}',
    ].join('\n'),
  )
  const command = ['nginx', '-p', folder, '-c', file]
  await run([...command, '-t'])
  const nginx = parts.use(new RunningProcess(command))
  await eventually('nginx listens', async () => {
    if (nginx.exit) throw new Error(`nginx ended:\n${nginx.output}`)
    const socket = connect(port, '127.0.0.1')
    return once(socket, 'connect').then(
      () => socket.end() !== undefined,
      () => false,
    )
  })
  const running = parts.move()
  return { port, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() }
}
