import { z } from 'zod'
import { type CredentialConfig, credentialsField } from './credentials.ts'
import { hostName, registryUrl } from './fields.ts'
import { type ProxyChoice, proxyField } from './proxy.ts'
import type { SecretReader } from './secret.ts'
import { upstreamTls, type UpstreamTls } from './upstream-tls.ts'

/** Where an upstream is asked, and as whom. */
export interface EndpointConfig {
  url: URL
  credentials: CredentialConfig[]
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
  return {
    credentials: credentialsField(read),
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
