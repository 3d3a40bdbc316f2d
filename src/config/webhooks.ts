import { z } from 'zod'
import { positiveDuration, registryPattern, secretField } from './fields.ts'
import type { Secret, SecretReader } from './secret.ts'

const ACTIONS = ['push', 'mount', 'pull', 'delete', 'mirror', 'evict'] as const

const URL_ERROR = 'expected an http or https URL'
const HEADER_ERROR = 'expected the name of a header'

const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** What says what the body is, and how long. */
const OWN_HEADERS = ['content-type', 'content-length', 'x-entrepot-signature-256']

export interface WebhookConfig {
  name: string
  url: URL
  actions: (typeof ACTIONS)[number][]
  repositories: string[]
  headers: { name: string; value: Secret }[]
  secret?: Secret | undefined
  timeoutMs: number
  pauseMs: number
  maxPauseMs: number
  maxEvents: number
}

const endpointUrl = z
  .codec(z.string({ error: URL_ERROR }), z.instanceof(URL), {
    decode(text, context) {
      const url = URL.parse(text)
      const isHttp = url !== null && /^https?:$/.test(url.protocol)
      if (isHttp && url.username === '' && url.password === '') return url
      const message = isHttp ? 'credentials do not belong in the URL: see headers' : URL_ERROR
      context.issues.push({ code: 'custom', message, input: text })
      return z.NEVER
    },
    encode: (url) => url.href,
  })
  .meta({ title: 'URL' })

/** Whom events are sent to. */
export function webhooksField(read: SecretReader) {
  const webhook = z.codec(
    z.strictObject({
      name: z
        .string({ error: 'expected a name' })
        .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, {
          error: 'expected a name of lower case letters, digits, dots, dashes and underscores',
        })
        .describe('Name of the webhook in the log, in metrics, and of its queue.'),
      url: endpointUrl.describe('URL to which events are sent, by POST.'),
      actions: z
        .array(
          z
            .enum(ACTIONS)
            .describe('Events that it is sent; `push`, `mount` and `delete` if left out.'),
        )
        .min(1, { error: 'expected at least one action' })
        .default(['push', 'mount', 'delete']),
      repositories: z
        .array(
          registryPattern.describe(
            'Repositories whose events it is sent, with their registry, `*` and `**` as in pins; ' +
              'all if left out.',
          ),
        )
        .min(1, { error: 'expected at least one repository' })
        .default(['**']),
      headers: z
        .array(
          z.strictObject({
            name: z
              .string({ error: HEADER_ERROR })
              .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, { error: HEADER_ERROR })
              .refine((name) => !OWN_HEADERS.includes(name.toLowerCase()), {
                error: 'is set by the mirror',
              })
              .describe('Name of a header to send, such as `Authorization`.'),
            value: secretField(read)
              .refine((value) => HEADER_VALUE.test(value.reveal()), {
                error: 'has characters that no header may have',
              })
              .describe('Its value.'),
          }),
        )
        .default([]),
      secret: secretField(read)
        .optional()
        .describe(
          'Key for the HMAC-SHA256 of the body, which is sent as `X-Entrepot-Signature-256`. ' +
            'Without it nothing is signed.',
        ),
      timeout: positiveDuration
        .prefault('5s')
        .describe('How long the endpoint may take to answer.'),
      backoff: positiveDuration
        .prefault('1s')
        .describe('The longest pause after the first failure; each further one doubles it.'),
      maxBackoff: positiveDuration.prefault('5m').describe('No pause is longer.'),
      queue: z
        .int({ error: 'expected a whole number' })
        .min(1, { error: 'expected at least 1' })
        .max(1_000_000, { error: 'expected at most 1000000' })
        .default(10_000)
        .describe('How many events may wait for it; beyond that, the oldest are dropped.'),
    }),
    z.custom<WebhookConfig>(),
    {
      decode: ({ timeout, backoff, maxBackoff, queue, ...rest }) => ({
        ...rest,
        timeoutMs: timeout,
        pauseMs: backoff,
        maxPauseMs: maxBackoff,
        maxEvents: queue,
      }),
      encode: ({ timeoutMs, pauseMs, maxPauseMs, maxEvents, ...rest }) => ({
        ...rest,
        timeout: timeoutMs,
        backoff: pauseMs,
        maxBackoff: maxPauseMs,
        queue: maxEvents,
      }),
    },
  )
  return z
    .array(webhook)
    .default([])
    .superRefine((webhooks, context) => {
      for (const [index, { name }] of webhooks.entries()) {
        if (webhooks.findIndex((other) => other.name === name) === index) continue
        const message = `there is a webhook ${name} already`
        context.addIssue({ code: 'custom', path: [index, 'name'], message })
      }
    })
}
