import type { Content } from '../inventory/inventory.ts'
import type { Removal } from './operations.ts'

export function sumOf(
  contents: readonly Pick<Content, 'sizeBytes'>[],
): Pick<Removal, 'contents' | 'bytes'> {
  return {
    contents: contents.length,
    bytes: contents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  }
}
