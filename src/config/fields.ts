import { isIP } from 'node:net'
import { z } from 'zod'
import { BYTE_SIZE_PATTERN, formatByteSize, parseByteSize } from '../util/byte-size.ts'
import { DURATION_PATTERN, formatDuration, parseDuration } from '../util/duration.ts'
import { HIDDEN, Secret, SecretError, type SecretReader, type SecretSource } from './secret.ts'

/*
 * The kinds of values. A title is the kind's name in the documentation, and tells the loader what
 * to do: it makes paths absolute.
 */

export const PATH_TITLE = 'path'

const HOST = '[a-z0-9]+(?:[.-]+[a-z0-9]+)*'
const PORT = ':[0-9]{1,5}'
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'

const PORT_ERROR = 'expected a port from 0 to 65535'

export const port = z
  .int({ error: PORT_ERROR })
  .min(0, { error: PORT_ERROR })
  .max(65_535, { error: PORT_ERROR })
  .meta({ title: 'port' })

export const host = z
  .string({ error: 'expected a host name or an IP address' })
  .refine((text) => isIP(text) > 0 || new RegExp(`^${HOST}$`, 'i').test(text), {
    error: 'expected a host name or an IP address',
  })
  .meta({ title: 'host' })

/** As it stands in a URL, without the brackets of an IPv6 address. */
export const hostName = host.toLowerCase().meta({ title: 'host' })

export const path = z
  .string({ error: 'expected a path' })
  .min(1, { error: 'expected a path' })
  .meta({ title: PATH_TITLE })

/** A registry's host, with its port where it has one, in lower case. */
export const registryName = z.string().regex(new RegExp(`^${HOST}(?:${PORT})?$`), {
  error: 'expected the name of a registry, for example ghcr.io or registry.example.com:5000',
})

export const repositoryPrefix = z
  .string({ error: 'expected a repository path or a host name' })
  .regex(new RegExp(`^(?:${COMPONENT}(?:/${COMPONENT})*|${HOST}${PORT})$`), {
    error: 'expected a repository path or a host name, in lower case',
  })
  .meta({ title: 'repository path' })

export const imageInRegistry = z
  .string({ error: 'expected an image without its registry' })
  .regex(new RegExp(`^${COMPONENT}(?:/${COMPONENT})*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$`), {
    error: 'expected an image without its registry, for example team/app:1.2',
  })
  .meta({ title: 'image' })

const DURATION_ERROR = 'expected a duration such as 30s, 5m or 1h30m'

export const duration = z
  .codec(
    z.string({ error: DURATION_ERROR }).regex(DURATION_PATTERN, { error: DURATION_ERROR }),
    z.number(),
    {
      decode(text, context) {
        const ms = parseDuration(text)
        if (ms !== undefined) return ms
        context.issues.push({ code: 'custom', message: 'is too long', input: text })
        return z.NEVER
      },
      encode: formatDuration,
    },
  )
  .meta({ title: 'duration' })

export const positiveDuration = duration.refine((ms) => ms > 0, { error: 'expected more than 0' })

const BYTE_SIZE_ERROR = 'expected a number of bytes such as 512KiB, 50MiB or 1.5GiB'

export const byteSize = z
  .codec(
    z.string({ error: BYTE_SIZE_ERROR }).regex(BYTE_SIZE_PATTERN, { error: BYTE_SIZE_ERROR }),
    z.number(),
    {
      decode(text, context) {
        const bytes = parseByteSize(text)
        if (bytes !== undefined) return bytes
        context.issues.push({ code: 'custom', message: 'is no whole number of bytes', input: text })
        return z.NEVER
      },
      encode: formatByteSize,
    },
  )
  .meta({ title: 'byte size' })

export const positiveByteSize = byteSize.refine((bytes) => bytes > 0, {
  error: 'expected more than 0',
})

const SHARE_ERROR = 'expected a share, more than 0 and at most 1'

export const share = z
  .number({ error: SHARE_ERROR })
  .gt(0, { error: SHARE_ERROR })
  .lte(1, { error: SHARE_ERROR })
  .meta({ title: 'share' })

const GLOB = '[a-z0-9._*-]+'
const HEX_DIGEST = 'sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}'

/** As cache/pin-pattern.ts reads it. */
export const referencePattern = z
  .string({ error: 'expected a pattern' })
  .max(512, { error: 'is too long' })
  .regex(
    new RegExp(
      `^(?:\\*\\*|${GLOB}(?:${PORT})?(?:/${GLOB})+)(?::[A-Za-z0-9._*-]+|@(?:${HEX_DIGEST}))?$`,
    ),
    { error: 'expected a pattern such as docker.io/library/node:22*, ghcr.io/team/** or **' },
  )
  .meta({ title: 'pattern' })

/** A registry and a repository there, as util/glob.ts reads it. */
export const registryPattern = z
  .string({ error: 'expected a pattern' })
  .max(512, { error: 'is too long' })
  .regex(new RegExp(`^(?:\\*\\*|${GLOB}(?:${PORT})?(?:/${GLOB})+)$`), {
    error: 'expected a pattern such as private/team/**, docker.io/library/* or **',
  })
  .meta({ title: 'pattern' })

/** As policy/image-name.ts reads it. */
export const imageName = z
  .string({ error: 'expected the name of an image' })
  .max(255, { error: 'is too long' })
  .regex(
    new RegExp(
      `^(?:${HOST}(?:${PORT})?/)?${COMPONENT}(?:/${COMPONENT})*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@(?:${HEX_DIGEST}))?$`,
    ),
    { error: 'expected the name of an image such as node:22 or ghcr.io/owner/app@sha256:…' },
  )
  .meta({ title: 'image' })

/** As oci/platform.ts reads it. */
export const platform = z
  .string({ error: 'expected a platform' })
  .regex(/^[a-z0-9]+\/[a-z0-9]+(?:\/[a-z0-9.]+)?$/, {
    error: 'expected a platform such as linux/amd64 or linux/arm/v7',
  })
  .meta({ title: 'platform' })

/** As oci/repository-pattern.ts reads it. */
export const repositoryPattern = z
  .string({ error: 'expected a pattern' })
  .max(512, { error: 'is too long' })
  .regex(new RegExp(`^${GLOB}(?:/${GLOB})*(?::[A-Za-z0-9._*-]+)?$`), {
    error: 'expected a pattern without a registry such as library/node:22*, team/** or **',
  })
  .meta({ title: 'pattern' })

/** As hosted/tags.ts reads it. */
export const tagPattern = z
  .string({ error: 'expected a pattern' })
  .max(512, { error: 'is too long' })
  .regex(new RegExp(`^(?:${GLOB}(?:/${GLOB})*:)?[A-Za-z0-9._*-]+$`), {
    error: 'expected a pattern of tags such as v*, or team/app:v* of some repositories',
  })
  .meta({ title: 'pattern' })

const URL_ERROR = 'expected an http or https URL'

export const registryUrl = z
  .codec(z.string({ error: URL_ERROR }), z.instanceof(URL), {
    decode(text, context) {
      const url = URL.parse(text)
      const message = urlFault(url)
      if (url && !message) return url
      context.issues.push({ code: 'custom', message: message ?? URL_ERROR, input: text })
      return z.NEVER
    },
    encode: (url) => url.href.replace(/\/$/, ''),
  })
  .meta({ title: 'URL' })

function urlFault(url: URL | null): string | undefined {
  if (!url || !/^https?:$/.test(url.protocol)) return URL_ERROR
  if (url.username || url.password) return 'credentials do not belong in the URL: see credentials'
  if (url.search || url.hash) return 'a URL with a query or a fragment does not name a registry'
  return undefined
}

export const SECRET_ERROR = 'expected a text, ${env:NAME} or {file: PATH}'

export const secretSource = z.union(
  [
    z.string().min(1, { error: SECRET_ERROR }),
    z.strictObject({ file: path.describe('File that holds the secret.') }),
  ],
  { error: SECRET_ERROR },
)

export function secretField(read: SecretReader) {
  return z
    .codec(secretSource, z.instanceof(Secret), {
      async decode(source, context) {
        const secret = await readSecret(read, source)
        if (secret instanceof Secret) return secret
        context.issues.push({ code: 'custom', message: secret.message, input: HIDDEN })
        return z.NEVER
      },
      encode: () => HIDDEN,
    })
    .meta({ title: 'secret', writeOnly: true })
}

/** The secret, or why it cannot be had. */
export async function readSecret(
  read: SecretReader,
  source: SecretSource,
): Promise<Secret | SecretError> {
  try {
    return await read(source)
  } catch (error) {
    if (error instanceof SecretError) return error
    throw error
  }
}
