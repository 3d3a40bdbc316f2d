import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { abortable } from '../../../src/util/abortable.ts'
import type { Answer } from './answer.ts'
import type { FaultRule } from './faults.ts'
import type { RecordedRequest } from './request-log.ts'

const CHUNK_BYTES = 256 * 1024

export interface SendOptions {
  rules: FaultRule[]
  record: RecordedRequest
  /** Aborted when the client has gone. */
  signal: AbortSignal
  bytesPerSecond: number | undefined
}

interface Stop {
  atByte: number
  rule: FaultRule
}

/** Writes the answer as the faults will have it. */
export async function sendAnswer(
  response: ServerResponse,
  answer: Answer,
  options: SendOptions,
): Promise<void> {
  const { rules, record } = options
  record.status = answer.status
  if (answer.digest) record.digest = answer.digest
  response.writeHead(answer.status, headersOf(answer, rules))
  if (record.method === 'HEAD' || answer.status === 304) {
    response.end()
    return
  }
  await sendBody(response, answer.body, options)
}

function headersOf(answer: Answer, rules: FaultRule[]): Record<string, string> {
  const headers: Record<string, string | undefined> = {
    'content-length': String(answer.body.length),
    ...answer.headers,
  }
  for (const { fault } of rules) {
    if (fault.kind === 'headers') Object.assign(headers, fault.headers)
    if (fault.kind === 'wrong-length') {
      headers['content-length'] = String(answer.body.length + fault.byBytes)
      headers['connection'] = 'close'
    }
  }
  const given = Object.entries(headers).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Record<string, string>
}

async function sendBody(
  response: ServerResponse,
  body: Buffer,
  { rules, record, signal, bytesPerSecond }: SendOptions,
): Promise<void> {
  const stops = stopsOf(rules)
  const flipAt = rules.flatMap(({ fault }) => (fault.kind === 'flip' ? [fault.atByte] : []))
  const rate = slowest(rules, bytesPerSecond)
  const startedMs = performance.now()
  if (stops.length > 0) response.flushHeaders()
  let position = 0
  for (;;) {
    while (stops[0] && stops[0].atByte <= position) {
      const { rule } = stops.shift()!
      if (rule.fault.kind === 'cut') {
        response.socket?.destroySoon()
        return
      }
      await abortable(rule.hold(), signal)
    }
    if (position >= body.length) break
    const step = rate ? Math.min(CHUNK_BYTES, Math.ceil(rate / 50)) : CHUNK_BYTES
    const end = Math.min(position + step, stops[0]?.atByte ?? Infinity, body.length)
    const chunk = flipped(body.subarray(position, end), position, flipAt)
    if (!response.write(chunk)) await once(response, 'drain', { signal })
    record.bytesSent += chunk.length
    position = end
    if (rate) {
      const aheadMs = (position / rate) * 1000 - (performance.now() - startedMs)
      if (aheadMs >= 1) await delay(aheadMs, undefined, { signal })
    }
  }
  response.end()
}

function stopsOf(rules: FaultRule[]): Stop[] {
  const stops: Stop[] = []
  for (const rule of rules) {
    const { fault } = rule
    if (fault.kind === 'cut') stops.push({ atByte: fault.afterBytes, rule })
    if (fault.kind === 'hold' && fault.atByte !== undefined) {
      stops.push({ atByte: fault.atByte, rule })
    }
  }
  return stops.sort((a, b) => a.atByte - b.atByte)
}

function slowest(rules: FaultRule[], bytesPerSecond = Infinity): number | undefined {
  const rates = rules.flatMap(({ fault }) => (fault.kind === 'slow' ? [fault.bytesPerSecond] : []))
  const rate = Math.min(bytesPerSecond, ...rates)
  return Number.isFinite(rate) ? rate : undefined
}

function flipped(chunk: Buffer, position: number, flipAt: number[]): Buffer {
  const inside = flipAt.map((at) => at - position).filter((at) => at >= 0 && at < chunk.length)
  if (inside.length === 0) return chunk
  const copy = Buffer.from(chunk)
  for (const at of inside) copy[at] = copy[at]! ^ 0xff
  return copy
}
