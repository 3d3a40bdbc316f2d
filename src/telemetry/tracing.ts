import {
  type Attributes,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'

const tracer = trace.getTracer('entrepot')

/** A stretch of work as traces show it: nothing, unless an SDK of OpenTelemetry was loaded. */
export class Stretch {
  readonly #span: Span
  #hasEnded = false

  constructor(span: Span) {
    this.#span = span
  }

  /** What begins in `work` is a part of this. */
  within<T>(work: () => T): T {
    // Without an SDK there is no context to carry, which the hot path need not pay for.
    if (!isSpanContextValid(this.#span.spanContext())) return work()
    return context.with(trace.setSpan(context.active(), this.#span), work)
  }

  /** Only the first end counts. `error` says why it did not come to a good one. */
  end(attributes: Attributes, error?: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#span.setAttributes(attributes)
    if (error !== undefined) {
      const { ERROR: code } = SpanStatusCode
      this.#span.setStatus(error instanceof Error ? { code, message: error.message } : { code })
    }
    this.#span.end()
  }
}

/** A request of a client, which may have a trace of its own going. */
export function traceRequest(headers: Record<string, unknown>): Stretch {
  const caller = propagation.extract(ROOT_CONTEXT, headers)
  return new Stretch(tracer.startSpan('request', { kind: SpanKind.SERVER }, caller))
}

/** A question to an upstream, until the headers of its answer. */
export function traceUpstream(attributes: Attributes): Stretch {
  return new Stretch(tracer.startSpan('upstream', { kind: SpanKind.CLIENT, attributes }))
}

/** A fill; it is a part of the request that began it, and may outlast it. */
export function traceFill(attributes: Attributes): Stretch {
  return new Stretch(tracer.startSpan('fill', { attributes }))
}
