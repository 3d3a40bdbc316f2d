import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { ImagePage } from '../../src/admin-api.ts'
import { AdminClient, type AdminError } from '../../src/cli/admin-client.ts'
import { caught } from '../support/caught.ts'
import { freePort } from '../support/free-port.ts'

interface Answering extends AsyncDisposable {
  url: string
}

async function startServer(listener: RequestListener): Promise<Answering> {
  const server = createServer(listener).listen(0, '127.0.0.1')
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

/** What asking for images fails with. */
async function failureOf(listener: RequestListener, token?: string): Promise<AdminError> {
  await using server = await startServer(listener)
  const client = new AdminClient(server.url, { token })
  const error = (await caught(client.ask<ImagePage>('GET', 'images'))) as AdminError
  error.message = error.message.replace(server.url, 'URL')
  return error
}

function refuse(status: number, code: string): RequestListener {
  return (_, response) =>
    response.writeHead(status).end(JSON.stringify({ error: { code, message: 'because' } }))
}

const ignore = { onProgress: () => {}, onItem: () => {} }

describe('where no daemon is', () => {
  test('the port and the reason are told', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const error = await caught(new AdminClient(url).ask('GET', 'images'))
    expect(error).toMatchObject({
      failure: 'unavailable',
      message: `no daemon answers at ${url} (ECONNREFUSED): is entrepot serve running?`,
    })
  })

  test('one that says nothing is not waited for', async () => {
    await using server = await startServer(() => {})
    const client = new AdminClient(server.url, { patienceMs: 20 })
    expect(await caught(client.ask('GET', 'stats'))).toMatchObject({
      failure: 'unavailable',
      message: `${server.url} is silent: the daemon hangs, or something in between drops what is sent`,
    })
  })

  test('one that works is waited for', async () => {
    const answer = Promise.withResolvers<void>()
    await using server = await startServer((request, response) => {
      if (request.method === 'POST') void answer.promise.then(() => response.end('{}'))
    })
    const client = new AdminClient(server.url, { patienceMs: 20 })
    const working = client.ask('POST', 'release', {})
    await caught(client.ask('GET', 'stats'))
    answer.resolve()
    expect(await working).toEqual({})
  })

  test('one that falls silent has gone away', async () => {
    await using server = await startServer((_, response) => {
      response.writeHead(200).write('data: {}\n')
    })
    const live = new AdminClient(server.url, { patienceMs: 20 }).live()
    expect(await Array.fromAsync(live).catch((error: unknown) => error)).toMatchObject({
      failure: 'unavailable',
      message: `the daemon at ${server.url} went away`,
    })
  })

  test.each([
    [404, '404 page not found'],
    [404, '{"errors":[{"code":"NAME_UNKNOWN","message":"?"}]}'],
    [401, ''],
    [502, '<html>'],
  ])('a server of another kind that answers %d is told from a daemon', async (status, body) => {
    expect(await failureOf((_, response) => response.writeHead(status).end(body))).toMatchObject({
      failure: 'unavailable',
      message: `what answers at URL is not the admin listener of entrepot (${status})`,
    })
  })

  test.each([
    ['work', (client: AdminClient) => client.work('gc', {}, ignore)],
    ['listening', (client: AdminClient) => client.listen('events', () => {})],
    ['how things stand', (client: AdminClient) => client.live()[Symbol.asyncIterator]().next()],
  ])('a page in place of %s is told from a daemon', async (_, ask) => {
    await using server = await startServer((_request, response) => response.end('data: <html>\n'))
    expect(await caught(ask(new AdminClient(server.url)))).toMatchObject({
      failure: 'unavailable',
      message: `what answers at ${server.url} is not the admin listener of entrepot (200)`,
    })
  })

  test.each([
    ['an answer', (client: AdminClient) => client.ask('GET', 'images')],
    ['work', (client: AdminClient) => client.work('gc', {}, ignore)],
    ['listening', (client: AdminClient) => client.listen('events', () => {})],
    ['how things stand', (client: AdminClient) => client.live()[Symbol.asyncIterator]().next()],
  ])('the page of a proxy in place of %s is told from a daemon', async (_, ask) => {
    await using server = await startServer((_request, response) =>
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>log in'),
    )
    expect(await caught(ask(new AdminClient(server.url)))).toMatchObject({
      failure: 'unavailable',
      message: `what answers at ${server.url} is not the admin listener of entrepot (200)`,
    })
  })

  test('a listener without TLS is told from one that is not there', async () => {
    await using server = await startServer((_, response) => response.end('{}'))
    const url = server.url.replace('http:', 'https:')
    expect(await caught(new AdminClient(url).ask('GET', 'images'))).toMatchObject({
      failure: 'unavailable',
      message: `what answers at ${url} does not speak TLS: is its URL ${server.url}?`,
    })
  })

  test('a redirect is not followed: the token is for the daemon alone', async () => {
    const asked: (string | undefined)[] = []
    await using elsewhere = await startServer((request, response) => {
      asked.push(request.headers.authorization)
      response.end('{}')
    })
    const error = await failureOf((_, response) => {
      response.writeHead(307, { location: elsewhere.url }).end()
    }, 'open-sesame')
    expect(error.failure).toBe('unavailable')
    expect(asked).toEqual([])
  })
})

describe('what the daemon refuses', () => {
  test('a token that is missing or wrong is told as that', async () => {
    expect(await failureOf(refuse(401, 'UNAUTHORIZED'))).toMatchObject({
      failure: 'denied',
      message: 'the daemon at URL asks for a token: see admin.token',
    })
    expect(await failureOf(refuse(401, 'UNAUTHORIZED'), 'wrong')).toMatchObject({
      failure: 'denied',
      message: 'the daemon at URL has another token: see admin.token',
    })
  })

  test.each([
    [400, 'INVALID', 'usage'],
    [404, 'NOT_FOUND', 'failure'],
    [409, 'CONFLICT', 'failure'],
    [500, 'FAILED', 'failure'],
    [503, 'STOPPING', 'unavailable'],
  ])('%d %s has its own words', async (status, code, failure) => {
    expect(await failureOf(refuse(status, code))).toMatchObject({ failure, message: 'because' })
  })
})

describe('long work', () => {
  test('is told as it comes, whatever the pieces it comes in', async () => {
    const text = [
      '{"progress":{"done":1,"total":2,"unit":"images"}}',
      '',
      '{"item":{"digest":"sha256:é"}}',
      '{"of a newer version":true}',
      '{"result":{"images":1,"contents":2,"bytes":3}}',
      '',
    ].join('\n')
    await using server = await startServer((_, response) => {
      response.flushHeaders()
      const bytes = Buffer.from(text)
      let at = 0
      const next = () => {
        if (at === bytes.length) response.end()
        else response.write(bytes.subarray(at, ++at), () => setImmediate(next))
      }
      next()
    })
    const told: unknown[] = []
    const result = await new AdminClient(server.url).work(
      'evict',
      {},
      {
        onProgress: (progress) => told.push(progress),
        onItem: (item) => told.push(item),
      },
    )
    expect(told).toEqual([{ done: 1, total: 2, unit: 'images' }, { digest: 'sha256:é' }])
    expect(result).toEqual({ images: 1, contents: 2, bytes: 3 })
  })

  test('that fails in the middle fails here', async () => {
    await using server = await startServer((_, response) => {
      response.end('{"error":{"code":"FAILED","message":"cannot read the disk"}}\n')
    })
    const work = new AdminClient(server.url).work('scrub', {}, ignore)
    expect(await caught(work)).toMatchObject({
      failure: 'failure',
      message: 'cannot read the disk',
    })
  })

  test.each(['cut', 'ended'])(
    'whose answer is %s before the result has lost its daemon',
    async (how) => {
      await using server = await startServer((_, response) => {
        response.write('{"progress":{"done":1,"total":2,"unit":"bytes"}}\n{"res', () => {
          if (how === 'cut') response.destroy()
          else response.end()
        })
      })
      const work = new AdminClient(server.url).work('scrub', {}, ignore)
      expect(await caught(work)).toMatchObject({
        failure: 'unavailable',
        message: `the daemon at ${server.url} went away`,
      })
    },
  )
})
