/** Rows in one statement, well below any database's limit of parameters. */
const ROWS_PER_STATEMENT = 100

/** Rows in pieces that fit into one statement. */
export function* inChunks<T>(rows: readonly T[]): Iterable<T[]> {
  for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT) {
    yield rows.slice(at, at + ROWS_PER_STATEMENT)
  }
}
