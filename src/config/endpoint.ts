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
        'With `true` the certificate of the host in `url` is not verified, so anyone in between can ' +
          'pose as it; those of other hosts are. Better name its certificate in `tls.ca`.',
      ),
    realms: z
      .array(
        hostName.describe(
          'Host on another domain whose token server may be sent the credentials. Those on the ' +
            'domain of `url` may be anyway.',
        ),
      )
      .default([]),
    privateHosts: z
      .array(
        hostName.describe(
          'Host at a private, link-local or loopback address that redirects and token realms may ' +
            'lead to. If the endpoint itself is at such an address, they may lead to any.',
        ),
      )
      .default([]),
    proxy: proxyField(read)
      .optional()
      .describe(
        'HTTP proxy for the registry, its token servers and whatever they lead to, as in ' +
          '`proxy.https`. If left out: those of `proxy`. `proxy.except` applies to it too.',
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
