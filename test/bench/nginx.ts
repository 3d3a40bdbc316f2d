import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../support/free-port.ts'
import { cpuSecondsOf } from './proc.ts'

const COMMAND = 'nginx'

/** nginx sending the files of a folder with sendfile: what this machine and the client can do. */
export class Nginx implements AsyncDisposable {
  readonly port: number
  readonly #child: ChildProcess
  readonly #folder: string

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port
    this.#child = child
    this.#folder = folder
  }

  static async start(root: string): Promise<Nginx> {
    const folder = await mkdtemp(join(tmpdir(), 'nginx-'))
    const port = await freePort()
    const config = `
      daemon off; user root; worker_processes 2; pid ${folder}/pid; error_log ${folder}/error.log;
      events { worker_connections 1024; }
      http {
        access_log ${folder}/access.log; sendfile on; keepalive_requests 1000000;
        server { listen 127.0.0.1:${port}; root ${root}; }
      }`
    await writeFile(join(folder, 'nginx.conf'), config)
    const child = spawn(COMMAND, ['-p', folder, '-c', join(folder, 'nginx.conf')], {
      stdio: 'ignore',
    })
    await once(child, 'spawn')
    await sleep(500)
    return new Nginx(port, child, folder)
  }

  get cpuSeconds(): number {
    return cpuSecondsOf(this.#child.pid!)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await exited
    await rm(this.#folder, { recursive: true, force: true })
  }
}
