import { isObject } from './json.ts'

/** What an image runs on (image-spec image-index.md, `platform`). */
export interface Platform {
  os: string
  architecture: string
  variant: string | undefined
}

/** Variants that go without saying. */
const USUAL_VARIANTS: Readonly<Record<string, string>> = { amd64: 'v1', arm: 'v7', arm64: 'v8' }

/** Reads `linux/amd64` or `linux/arm/v7`; `undefined` for what is no platform. */
export function parsePlatform(text: string): Platform | undefined {
  const match = /^([a-z0-9]+)\/([a-z0-9]+)(?:\/([a-z0-9.]+))?$/.exec(text)
  if (!match) return undefined
  const [, os = '', architecture = '', variant] = match
  return { os, architecture, variant }
}

/** Reads what an index says of a manifest, or the config of an image of itself (image-spec config.md). */
export function parsePlatformObject(value: unknown): Platform | undefined {
  if (!isObject(value)) return undefined
  const { os, architecture, variant } = value
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined
  return { os, architecture, variant: typeof variant === 'string' ? variant : undefined }
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/')
}

/** Whether an image for the platform is one that was asked for: without a variant every one is. */
export function isAsked(platform: Platform, asked: Platform): boolean {
  const { os, architecture, variant = USUAL_VARIANTS[architecture] } = platform
  if (os !== asked.os || architecture !== asked.architecture) return false
  return asked.variant === undefined || asked.variant === variant
}
