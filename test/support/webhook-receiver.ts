import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { ContentEvent } from '../../src/telemetry/content-event.ts'

/** What an endpoint does with a request: answers, says nothing, or ends the connection. */
type Reaction = number | 'silence' | 'cut'

interface Envelope {
  headers: IncomingHttpHeaders
  body: string
  events: ContentEvent[]
  reaction: Reaction
}

/** An endpoint that takes what webhooks send, on a real port. */
export interface WebhookReceiver extends AsyncDisposable {
  url: URL
  /** All that has come. */
  envelopes: Envelope[]
  /** How it reacts from now on. */
  reaction: Reaction
  /** The tags of the events that it has taken. */
  readonly taken: (string | undefined)[]
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const server = createServer((request, response) => {
    const { reaction } = receiver
    void text(request).then((body) => {
      const { events } = JSON.parse(body) as { events: ContentEvent[] }
      receiver.envelopes.push({ headers: request.headers, body, events, reaction })
      react(response, reaction)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const receiver: WebhookReceiver = {
    url: new URL(`http://127.0.0.1:${port}/events?from=mirror`),
    envelopes: [],
    reaction: 200,
    get taken() {
      const taken = this.envelopes.filter(({ reaction }) => reaction === 200)
      return taken.flatMap(({ events }) => events.map(({ target }) => target.tag))
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return receiver
}

function react(response: ServerResponse, reaction: Reaction): void {
  if (reaction === 'cut') response.destroy()
  else if (reaction !== 'silence') {
    response.writeHead(reaction, reaction === 307 ? { Location: '/elsewhere' } : {})
    response.end('thanks')
  }
}
