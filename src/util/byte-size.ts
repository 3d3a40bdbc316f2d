const UNITS = [
  { name: 'TiB', bytes: 1024 ** 4 },
  { name: 'GiB', bytes: 1024 ** 3 },
  { name: 'MiB', bytes: 1024 ** 2 },
  { name: 'KiB', bytes: 1024 },
  { name: 'B', bytes: 1 },
] as const

/** Numbers of bytes as people write them: a number with a unit of 1024s. */
export const BYTE_SIZE_PATTERN = /^(\d+(?:\.\d+)?)(TiB|GiB|MiB|KiB|B)$/

/** Reads `50GiB`, `1.5MiB` or `512B` into bytes; `undefined` for anything else, parts of a byte too. */
export function parseByteSize(text: string): number | undefined {
  const [, number, name] = BYTE_SIZE_PATTERN.exec(text) ?? []
  const unit = UNITS.find((unit) => unit.name === name)
  const bytes = unit && Number(number) * unit.bytes
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** The text in the largest unit that `parseByteSize` reads as exactly these bytes, which are whole. */
export function formatByteSize(bytes: number): string {
  const unit = UNITS.find((unit) => bytes >= unit.bytes && bytes % unit.bytes === 0)
  return unit ? `${bytes / unit.bytes}${unit.name}` : '0B'
}
