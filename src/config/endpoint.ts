import { z } from 'zod'
import { hostName, registryUrl, secretField } from './fields.ts'
import { type ProxyChoice, proxyField } from './proxy.ts'
import type { Secret, SecretReader } from './secret.ts'
import { upstreamTls, type UpstreamTls } from './upstream-tls.ts'

/** Where an upstream is asked, and as whom. */
export interface EndpointConfig {
  url: URL
  credentials: { username: string; password: Secret }[]
  tls: UpstreamTls
  /** The certificate of the endpoint's own host is not verified. */
  insecure: boolean
  realms: string[]
  privateHosts: string[]
  /** That of the configuration where left out. */
  proxy?: ProxyChoice | undefined
}

/** What is said of an endpoint besides its URL. */
export function endpointFields(read: SecretReader) {
  const credential = z.strictObject({
    username: z
      .string({ error: 'expected a user name' })
      .min(1, { error: 'expected a user name' })
      .meta({ title: 'text' })
      .describe(
        'User name there; without credentials we pull as anonymous. Of several the first is used ' +
          'whose limit allows it.',
      ),
    password: secretField(read).describe('Password or access token of the user.'),
  })
  return {
    credentials: z
      .array(credential)
      .superRefine((all, context) => {
        for (const [index, { username }] of all.entries()) {
          if (all.findIndex((other) => other.username === username) === index) continue
          const message = `${username} is there twice`
          context.addIssue({ code: 'custom', path: [index, 'username'], message })
        }
      })
      .default([]),
    tls: upstreamTls.prefault({}),
    insecure: z
      .boolean()
      .default(false)
      .describe(
        'With `true` the certificate of the host in `url` is not verified, and who is in between ' +
          'can pose as it; of other hosts it is. Better name its certificate in `tls.ca`.',
      ),
    realms: z
      .array(
        hostName.describe(
          'Host of another domain whose token server may have the credentials. Those of the ' +
            'domain of `url` may anyway.',
        ),
      )
      .default([]),
    privateHosts: z
      .array(
        hostName.describe(
          'Host at a private, link-local or loopback address that redirects and token realms may ' +
            'lead to. Where the endpoint itself is at one, they may lead to any.',
        ),
      )
      .default([]),
    proxy: proxyField(read)
      .optional()
      .describe(
        'HTTP proxy through which the registry, its token servers and what they lead to are asked, ' +
          'as in `proxy.https`. Where left out: those of `proxy`. `proxy.except` goes for it too.',
      ),
  }
}

/** An endpoint beside the upstream's own. */
export function failoverEndpoint(read: SecretReader) {
  return z.strictObject({
    url: registryUrl.describe(
      'Another registry with the same content, asked when those before cannot answer.',
    ),
    ...endpointFields(read),
  })
}
