import { z } from 'zod'
import { duration, secretField } from './fields.ts'
import type { Secret, SecretReader } from './secret.ts'

const ACTIONS = ['push', 'mount', 'pull', 'delete', 'mirror', 'evict'] as const

const URL_ERROR = 'expected an http or https URL'
const REPOSITORY_ERROR =
  'expected a repository with its registry such as private/** or docker.io/library/*'
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

const positiveDuration = duration.refine((ms) => ms > 0, { error: 'expected more than 0' })

/** Whom events are sent to. */
export function webhooksField(read: SecretReader) {
  const webhook = z.codec(
    z.strictObject({
      name: z
        .string({ error: 'expected a name' })
        .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, {
          error: 'expected a name of lower case letters, digits, dots, dashes and underscores',
        })
        .describe('What it is called in the log and in metrics, and its queue is found by.'),
      url: endpointUrl.describe('Where events are sent to, with POST.'),
      actions: z
        .array(
          z
            .enum(ACTIONS)
            .describe('What it is told of; `push`, `mount` and `delete` where left out.'),
        )
        .min(1, { error: 'expected at least one action' })
        .default(['push', 'mount', 'delete']),
      repositories: z
        .array(
          z
            .string({ error: REPOSITORY_ERROR })
            .max(512, { error: 'is too long' })
            .regex(/^(?:\*\*|[a-z0-9._*-]+(?::\d+)?(?:\/[a-z0-9._*-]+)+)$/, {
              error: REPOSITORY_ERROR,
            })
            .describe(
              'Of which repositories, with their registry, `*` and `**` as in pins; all where left out.',
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
              .describe('A header of each request, such as `Authorization`.'),
            value: secretField(read)
              .refine((value) => HEADER_VALUE.test(value.reveal()), {
                error: 'has characters that no header may have',
              })
              .describe('What it holds.'),
          }),
        )
        .default([]),
      secret: secretField(read)
        .optional()
        .describe(
          'Key of the HMAC-SHA256 of the body in the header `X-Entrepot-Signature-256`, which is ' +
            'left out without it.',
        ),
      timeout: positiveDuration
        .prefault('5s')
        .describe('How long the endpoint may take until its answer.'),
      backoff: positiveDuration
        .prefault('1s')
        .describe('The longest pause after the first failure; each further one doubles it.'),
      maxBackoff: positiveDuration.prefault('5m').describe('No pause is longer.'),
      queue: z
        .int({ error: 'expected a whole number' })
        .min(1, { error: 'expected at least 1' })
        .max(1_000_000, { error: 'expected at most 1000000' })
        .default(10_000)
        .describe('How many events wait for it at most; the oldest are dropped.'),
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
