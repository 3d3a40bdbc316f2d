import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request, type RequestOptions } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { type Certificates, haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { startFakeHub, type FakeHub } from '../support/fake-hub/fake-hub.ts'
import { buildImage, bytesOf } from '../support/images.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { run } from '../support/processes.ts'
import { type ProxyInFront, startProxyInFront } from '../support/proxy-in-front.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { haveTools } from '../support/tools.ts'

const CI = `Basic ${Buffer.from('ci:secret').toString('base64')}`

describe.runIf(haveOpenssl() && haveTools('nginx', 'skopeo'))(
  'behind nginx as deploy/nginx.conf has it',
  () => {
    const stack = new AsyncDisposableStack()
    let folder: string
    let certificates: Certificates
    let hub: FakeHub
    let mirror: MirrorProcess
    let proxy: ProxyInFront

    beforeAll(async () => {
      folder = stack.use(await temporaryFolder()).path
      certificates = makeCertificates(join(folder, 'certificates'))
      await writeFile(join(folder, 'users'), `ci:${hashSync('secret', 10)}\n`)
      hub = stack.use(await startFakeHub())
      mirror = stack.use(
        await MirrorProcess.start({
          upstreamUrl: hub.url,
          config: {
            listen: { trustedProxies: ['127.0.0.1'] },
            hosted: { enabled: true },
            auth: { htpasswd: join(folder, 'users') },
            audit: { file: join(folder, 'audit.log') },
          },
        }),
      )
      proxy = stack.use(await startProxyInFront(mirror, join(folder, 'certificates')))
    })

    afterAll(() => stack.disposeAsync())

    async function ask(
      path: string,
      { body, ...options }: RequestOptions & { body?: Buffer } = {},
    ): Promise<IncomingMessage> {
      const target = { host: '127.0.0.1', port: proxy.port, ca: certificates.ca, path }
      const outgoing = request({ ...target, agent: false, ...options })
      outgoing.end(body)
      const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
      await text(answer)
      return answer
    }

    it('a client logs in, pushes, and pulls', async () => {
      const image = await buildImage({ seed: 'proxied', layerBytes: 3_000_000 })
      hub.add('library/app', '1', image)
      const authority = join(folder, 'authority')
      await run(['mkdir', authority])
      await run(['cp', join(folder, 'certificates/ca.pem'), join(authority, 'ca.crt')])
      await writeFile(join(folder, 'auth.json'), '{}')
      const policy = join(folder, 'policy.json')
      await writeFile(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
      const env = { HOME: folder, REGISTRY_AUTH_FILE: join(folder, 'auth.json') }
      const skopeo = (...args: string[]) => run(['skopeo', '--policy', policy, ...args], { env })
      const host = `127.0.0.1:${proxy.port}`
      const from = ['--src-cert-dir', authority]
      const to = ['--dest-cert-dir', authority]
      const login = ['login', '--cert-dir', authority, '--username', 'ci', '--password']
      await expect(skopeo(...login, 'wrong', host)).rejects.toThrow(/invalid username/)
      await skopeo(...login, 'secret', host)
      const [app, pushed] = [`docker://${host}/library/app:1`, `docker://${host}/private/app:1`]
      await skopeo('copy', ...from, ...to, app, pushed)
      await skopeo('copy', ...from, pushed, `dir:${join(folder, 'pulled')}`)
      expect(digestOf(await readFile(join(folder, 'pulled/manifest.json')))).toBe(image.root.digest)
    })

    it('all that leads further leads through it, under a path too', async () => {
      const bytes = bytesOf('layer', 100_000)
      const uploads = 'v2/private/app/blobs/uploads/'
      const headers = { Authorization: CI }
      for (const prefix of ['', '/registry']) {
        const { headers: asked } = await ask(`${prefix}/v2/`)
        expect(asked['www-authenticate']).toContain(
          `realm="https://127.0.0.1:${proxy.port}${prefix}/v2/token"`,
        )
        const started = await ask(`${prefix}/${uploads}`, { method: 'POST', headers })
        const location = started.headers.location ?? ''
        expect(location).toMatch(new RegExp(`^${prefix}/${uploads}`))
        const finish = { method: 'PUT', headers, body: bytes }
        const finished = await ask(`${location}?digest=${digestOf(bytes)}`, finish)
        expect(finished.statusCode).toBe(201)
        const pulled = await ask(finished.headers.location ?? '', { headers })
        expect(pulled.statusCode).toBe(200)
      }
    })

    it('nobody can pretend to be somebody else', async () => {
      const headers = {
        Authorization: CI,
        'X-Forwarded-For': '192.0.2.1',
        'X-Forwarded-Host': 'evil.example',
        'X-Forwarded-Proto': 'http',
        'X-Forwarded-Prefix': '/evil',
      }
      const { Authorization: _, ...anonymous } = headers
      const { headers: asked } = await ask('/v2/', { headers: anonymous })
      expect(asked['www-authenticate']).toContain(`"https://127.0.0.1:${proxy.port}/v2/token"`)
      await ask('/v2/private/none/manifests/1', { method: 'DELETE', headers })
      const line = await eventually('the audit log has it', async () => {
        const lines = (await readFile(join(folder, 'audit.log'), 'utf8')).split('\n').slice(0, -1)
        return lines.find((text) => text.includes('"delete"'))
      })
      expect(JSON.parse(line)).toMatchObject({ principal: 'ci', remote: '127.0.0.1' })
    })
  },
)
