import type { Config } from '../config/schema.ts'
import type { Connection } from '../connection.ts'
import { FindingsError } from './failure.ts'
import { countText, sizeText } from './format.ts'
import { printJson } from './output.ts'
import { type Column, Table } from './table.ts'

/** Tells of everything that a valid configuration names whether it can be used. */
export async function checkConnected(config: Config, json: true | undefined): Promise<void> {
  // What talks to others takes longer to load than the check of a file.
  const { checkConnections } = await import('../connections.ts')
  const connections = await checkConnections(config)
  if (json) printJson({ valid: true, issues: [], connections })
  else {
    const table = new Table(COLUMNS)
    for (const connection of connections) table.add(connection)
    table.end()
  }
  const failed = connections.filter(({ fault }) => fault !== null).length
  if (failed > 0) throw new FindingsError(`${countText(failed, 'connection')} failed`)
}

const COLUMNS: Column<Connection>[] = [
  { title: 'PART', align: 'left', text: ({ part }) => part },
  { title: 'NAME', align: 'left', text: ({ name }) => name },
  { title: 'STATE', align: 'left', text: stateText },
]

function stateText({ fault, url, freeBytes }: Connection): string {
  if (fault !== null) return `FAILED: ${fault}`
  if (freeBytes !== undefined) return `can be written, ${sizeText(freeBytes)} free`
  return url === undefined ? 'can be used' : `answers at ${url}`
}
