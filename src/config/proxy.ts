import { z } from 'zod'
import { readSecret, secretSource } from './fields.ts'
import { HIDDEN, Secret, type SecretReader } from './secret.ts'

/** A proxy, and whom we are to it. */
interface ProxyAddress {
  /** Without credentials. */
  url: URL
  credentials: { username: string; password: Secret } | undefined
}

/** `none` asks directly. */
export type ProxyChoice = ProxyAddress | 'none'

export interface ProxiesConfig {
  http?: ProxyChoice | undefined
  https?: ProxyChoice | undefined
  except: string[]
}

const PROXY_ERROR = 'expected none, or the http or https URL of a proxy'

/** Hidden where it holds credentials. */
export function proxyField(read: SecretReader) {
  return z
    .codec(secretSource, z.custom<ProxyChoice>(), {
      async decode(source, context) {
        const refuse = (message: string) => {
          context.issues.push({ code: 'custom', message, input: HIDDEN })
          return z.NEVER
        }
        const secret = await readSecret(read, source)
        if (!(secret instanceof Secret)) return refuse(secret.message)
        return parseProxy(secret.reveal()) ?? refuse(PROXY_ERROR)
      },
      encode(proxy) {
        if (proxy === 'none') return proxy
        return proxy.credentials ? HIDDEN : proxy.url.origin
      },
    })
    .meta({ title: 'proxy', writeOnly: true })
}

export function proxiesField(read: SecretReader) {
  return z
    .strictObject({
      https: proxyField(read)
        .optional()
        .describe(
          'HTTP proxy for `https` URLs, which go through it in tunnels: `http://HOST:PORT`, ' +
            'with `USER:PASSWORD@` if it wants a login, or `none`. If left out: `HTTPS_PROXY`.',
        ),
      http: proxyField(read)
        .optional()
        .describe('The same for plain `http` URLs. If left out: `HTTP_PROXY`.'),
      except: z
        .array(
          z
            .string({ error: 'expected a host' })
            .min(1, { error: 'expected a host' })
            .meta({ title: 'host' })
            .describe(
              'What is reached directly: a domain with all below it, an address, a network such as ' +
                '`10.0.0.0/8`, or `*`, with `:PORT` for that port alone; loopback always is. If left ' +
                'out: `NO_PROXY`.',
            ),
        )
        .default([]),
    })
    .prefault({})
}

/** As curl, takes a host without a scheme. */
function parseProxy(text: string): ProxyChoice | undefined {
  if (text === 'none') return text
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  const isBare = url?.pathname === '/' && !url.search && !url.hash
  if (!url || !isBare || !/^https?:$/.test(url.protocol)) return undefined
  const { username, password } = url
  try {
    const credentials = (username || password) && {
      username: decodeURIComponent(username),
      password: new Secret(decodeURIComponent(password)),
    }
    return { url: new URL(url.origin), credentials: credentials || undefined }
  } catch {
    // A % that encodes nothing.
    return undefined
  }
}
