import { parseDigest, type Digest } from './digest.ts'

declare const brand: unique symbol

/** A repository's name at its registry, for example `library/alpine` (distribution-spec, Pulling manifests). */
export type Repository = string & { readonly [brand]: 'Repository' }

/** A tag: at most 128 characters of `[a-zA-Z0-9_.-]`, not starting with `.` or `-`. */
export type Tag = string & { readonly [brand]: 'Tag' }

export interface TagReference {
  kind: 'tag'
  repository: Repository
  tag: Tag
}

export interface DigestReference {
  kind: 'digest'
  repository: Repository
  digest: Digest
}

export type Reference = TagReference | DigestReference

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`)
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

/** Longest repository name taken; clients limit host and name together to 255 characters. */
const MAX_REPOSITORY_LENGTH = 255

export function parseRepository(text: string): Repository | undefined {
  if (text.length > MAX_REPOSITORY_LENGTH) return undefined
  return REPOSITORY.test(text) ? (text as Repository) : undefined
}

export function parseTag(text: string): Tag | undefined {
  return TAG.test(text) ? (text as Tag) : undefined
}

/** `repository:tag` or `repository@digest`. */
export function formatReference(ref: Reference): string {
  return ref.kind === 'tag' ? `${ref.repository}:${ref.tag}` : `${ref.repository}@${ref.digest}`
}

/** What stands behind the repository in a manifest URL. */
export function targetOf(ref: Reference): Tag | Digest {
  return ref.kind === 'tag' ? ref.tag : ref.digest
}

export function isDigest(target: Tag | Digest): target is Digest {
  return parseDigest(target) !== undefined
}

/** A reference at one registry. */
export interface ImageReference {
  /** For example `docker.io`. */
  registry: string
  reference: Reference
}

/** `docker.io/library/alpine:3` */
export function formatImage({ registry, reference }: ImageReference): string {
  return `${registry}/${formatReference(reference)}`
}
