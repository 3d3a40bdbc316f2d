import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runEntrepot } from '../cli/run-entrepot.ts'
import { startFakeHub } from '../support/fake-hub/fake-hub.ts'
import { CREDENTIALS, S3Server } from '../support/s3-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { haveTools } from '../support/tools.ts'

const { accessKeyId, secretAccessKey } = CREDENTIALS
const EXPIRES = new Date(Date.now() + 3_600_000).toISOString()

describe.runIf(haveTools('versitygw'))(
  'credentials of S3 that the configuration leaves out',
  () => {
    const stack = new AsyncDisposableStack()
    let folder: string
    let connect: (environment: NodeJS.ProcessEnv) => ReturnType<typeof runEntrepot>

    beforeAll(async () => {
      folder = stack.use(await temporaryFolder()).path
      const hub = stack.use(await startFakeHub())
      const s3 = stack.use(await S3Server.start())
      const { accessKeyId: _, secretAccessKey: __, ...store } = s3.store(await s3.makeBucket())
      const config = { data: folder, store, upstreams: { 'docker.io': { url: hub.url } } }
      const file = join(folder, 'm.yml')
      await writeFile(file, JSON.stringify(config))
      // Nothing of who runs the tests, and no instance that may be around them.
      const environment = { HOME: folder, AWS_EC2_METADATA_DISABLED: 'true' }
      connect = (given) =>
        runEntrepot(['config', 'check', file, '--connect'], { ...environment, ...given })
    })

    afterAll(() => stack.disposeAsync())

    it('are those of the environment', async () => {
      const environment = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }
      expect(await connect(environment)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('can be used'),
      })
    })

    it('are those of a profile in a file', async () => {
      const file = join(folder, 'credentials')
      const keys = `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`
      await writeFile(file, `[mirror]\n${keys}`)
      const environment = { AWS_SHARED_CREDENTIALS_FILE: file, AWS_PROFILE: 'mirror' }
      expect(await connect(environment)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('can be used'),
      })
    })

    it('are those for which a web identity is exchanged', async () => {
      const tokenFile = join(folder, 'token')
      await writeFile(tokenFile, 'identity')
      await using tokens = await serve(({ url = '' }, body) =>
        url === '/' && body.includes('WebIdentityToken=identity') ? assumedRole() : undefined,
      )
      const environment = {
        AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
        AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/mirror',
        AWS_ENDPOINT_URL_STS: tokens.url,
      }
      expect(await connect(environment)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('can be used'),
      })
    })

    it('are those of the container', async () => {
      await using agent = await serve(({ url }) =>
        url === '/mirror' ? roleCredentials() : undefined,
      )
      const environment = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${agent.url}/mirror` }
      expect(await connect(environment)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('can be used'),
      })
    })

    it('are those of the instance', async () => {
      const roles = '/latest/meta-data/iam/security-credentials/'
      await using metadata = await serve(({ url }) => {
        if (url === '/latest/api/token') return 'session'
        if (url === roles) return 'mirror'
        return url === `${roles}mirror` ? roleCredentials() : undefined
      })
      const environment = {
        AWS_EC2_METADATA_DISABLED: '',
        AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
      }
      expect(await connect(environment)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('can be used'),
      })
    })

    it('are missed where there are none', async () => {
      const { code, stdout } = await connect({})
      expect(code).toBe(1)
      expect(stdout).toContain('no credentials were found: see store.accessKeyId')
    })
  },
)

function roleCredentials(): string {
  return JSON.stringify({
    Code: 'Success',
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    // versitygw knows no temporary credentials.
    Token: '',
    Expiration: EXPIRES,
  })
}

function assumedRole(): string {
  const keys = `<AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>`
  const rest = `<SessionToken></SessionToken><Expiration>${EXPIRES}</Expiration>`
  const result = `<AssumeRoleWithWebIdentityResult><Credentials>${keys}${rest}</Credentials></AssumeRoleWithWebIdentityResult>`
  return `<AssumeRoleWithWebIdentityResponse>${result}</AssumeRoleWithWebIdentityResponse>`
}

/** Answers what `answer` gives, and 404 where that is nothing. */
async function serve(answer: (request: IncomingMessage, body: string) => string | undefined) {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = answer(request, Buffer.concat(chunks).toString())
      response.writeHead(body === undefined ? 404 : 200).end(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
