import { type RawBuilder, sql } from 'kysely'

/** Whether a text has this part, in any case of letters. */
export function containing(text: RawBuilder<string>, part: string): RawBuilder<boolean> {
  const pattern = `%${part.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
  return sql<boolean>`lower(${text}) like ${pattern} escape '\\'`
}
