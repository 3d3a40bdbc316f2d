import { createHash, type Hash } from 'node:crypto'

declare const brand: unique symbol

/** `algorithm:hex`, lower case, of a registered algorithm and its exact length (image-spec descriptor.md, Digests). */
export type Digest = string & { readonly [brand]: 'Digest' }

export type DigestAlgorithm = 'sha256' | 'sha512'

const PATTERN = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/

export function parseDigest(text: string): Digest | undefined {
  return PATTERN.test(text) ? (text as Digest) : undefined
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha256:') ? 'sha256' : 'sha512'
}

/** The hex part. */
export function encodedOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1)
}

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return finishDigest(algorithm, createHash(algorithm).update(bytes))
}

/** The digest of all that the hash was fed; the hash is used up. */
export function finishDigest(algorithm: DigestAlgorithm, hash: Hash): Digest {
  return `${algorithm}:${hash.digest('hex')}` as Digest
}
