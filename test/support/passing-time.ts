import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Makes everything that a mirror holds, which may run, used and seen so much longer ago. */
export function letTimePass(dataFolder: string, ms: number): void {
  using database = new DatabaseSync(join(dataFolder, 'inventory.db'))
  database.exec('pragma busy_timeout = 5000')
  for (const column of ['stored_at_ms', 'used_at_ms']) {
    database.prepare(`update content set ${column} = ${column} - ?`).run(ms)
  }
  database.prepare('update link set linked_at_ms = linked_at_ms - ?').run(ms)
  for (const column of ['first_seen_ms', 'last_seen_ms', 'served_since_ms']) {
    database.prepare(`update tag_history set ${column} = ${column} - ?`).run(ms)
  }
}

/** So that no use so far is recorded later. */
export async function writeUsesDown(adminUrl: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${adminUrl}/api/v1/evict`, { method: 'POST', headers })
  await answer.text()
}
