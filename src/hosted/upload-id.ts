import { hash, randomBytes } from 'node:crypto'
import type { Repository } from '../oci/reference.ts'

declare const brand: unique symbol

/** Names an upload. It says which repository it is for, so that it is good for no other. */
export type UploadId = string & { readonly [brand]: 'UploadId' }

const PATTERN = /^[0-9a-f]{32}-[0-9a-f]{16}$/

export function newUploadId(repository: Repository): UploadId {
  return `${randomBytes(16).toString('hex')}-${markOf(repository)}` as UploadId
}

/** `undefined` for what cannot name an upload of the repository. */
export function parseUploadId(text: string, repository: Repository): UploadId | undefined {
  if (!PATTERN.test(text) || !text.endsWith(markOf(repository))) return undefined
  return text as UploadId
}

function markOf(repository: Repository): string {
  return hash('sha256', repository).slice(0, 16)
}
