export function sumOf(contents: Iterable<{ sizeBytes: number }>): number {
  let bytes = 0
  for (const { sizeBytes } of contents) bytes += sizeBytes
  return bytes
}
