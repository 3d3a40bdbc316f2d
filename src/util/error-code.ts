/** The code that Node.js gives its errors, such as `ENOENT`; `undefined` for others. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
