import { SpanStatusCode } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { afterAll, expect, test } from 'vitest'
import { startLiveMirror } from '../http/admin/live-mirror.ts'
import { eventually } from '../support/eventually.ts'
import { buildImage } from '../support/images.ts'
import { startTracing } from '../support/traced.ts'

const CALLER = 'b7ad6b7169203331'

const image = await buildImage({ seed: 'traced' })
const [layer] = image.blobs.keys()

/** One for all: who has got a tracer keeps it. */
const tracing = startTracing()
afterAll(() => tracing[Symbol.dispose]())

test('the request is in the trace of its client, the fill in the request, the question in the fill', async () => {
  await using mirror = await startLiveMirror(
    {},
    { publish: (hub) => hub.add('library/app', '1', image) },
  )
  const trace = new ClientTrace('0af7651916cd43dd8448eb211c80319c')
  expect(await trace.get(`${mirror.url}/v2/library/app/blobs/${layer}`)).toBe(200)
  const request = await trace.ended('request')
  expect(parentOf(request)).toBe(CALLER)
  expect(request.attributes).toMatchObject({
    'http.response.status_code': 200,
    'entrepot.kind': 'blob',
    'entrepot.outcome': 'miss',
    'entrepot.upstream': 'docker.io',
  })
  const fill = await trace.ended('fill')
  expect(parentOf(fill)).toBe(request.spanContext().spanId)
  expect(fill.attributes).toMatchObject({ 'entrepot.digest': layer, 'entrepot.end': 'committed' })
  const question = await trace.ended('upstream')
  expect(parentOf(question)).toBe(fill.spanContext().spanId)
})

test('a question that got no answer says why', async () => {
  await using mirror = await startLiveMirror()
  const address = new URL(mirror.hub.url).host
  await mirror.hub[Symbol.asyncDispose]()
  const trace = new ClientTrace('1bf7651916cd43dd8448eb211c80319d')
  expect(await trace.get(`${mirror.url}/v2/library/app/manifests/1`)).toBe(503)
  const question = await trace.ended('upstream')
  expect(question.attributes).toMatchObject({ 'server.address': address })
  expect(question.status).toMatchObject({
    code: SpanStatusCode.ERROR,
    message: expect.stringContaining('cannot be reached'),
  })
})

/** What a client began, as the mirror goes on with it. */
class ClientTrace {
  readonly #id: string

  constructor(id: string) {
    this.#id = id
  }

  async get(url: string): Promise<number> {
    const headers = { traceparent: `00-${this.#id}-${CALLER}-01` }
    const answer = await fetch(url, { headers })
    await answer.arrayBuffer()
    return answer.status
  }

  ended(name: string): Promise<ReadableSpan> {
    return eventually(`a span ${name} has ended`, () =>
      tracing.spans().find((span) => span.name === name && span.spanContext().traceId === this.#id),
    )
  }
}

function parentOf(span: ReadableSpan): string | undefined {
  return span.parentSpanContext?.spanId
}
