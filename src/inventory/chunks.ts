/** Rows in one statement, well below any database's limit of parameters. */
const ROWS_PER_STATEMENT = 100

/** Rows in pieces that fit into one statement. */
export function* inChunks<T>(rows: readonly T[], rowsPerChunk = ROWS_PER_STATEMENT): Iterable<T[]> {
  for (let at = 0; at < rows.length; at += rowsPerChunk) yield rows.slice(at, at + rowsPerChunk)
}
