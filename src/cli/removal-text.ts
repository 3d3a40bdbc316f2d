import type { RemovalResult } from '../admin-api.ts'
import { countText, sizeText } from './format.ts'

/** `evicted 3 images, 120 contents: 1.21 GiB` */
export function removalText(done: string, { images, contents, bytes }: RemovalResult): string {
  if (contents === 0) return `${done} nothing`
  const counts = `${countText(images, 'image')}, ${countText(contents, 'content')}`
  return `${done} ${counts}: ${sizeText(bytes)}`
}
