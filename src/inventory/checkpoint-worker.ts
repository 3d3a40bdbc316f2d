import { DatabaseSync } from 'node:sqlite'
import { workerData } from 'node:worker_threads'

/** Brings the log of a database home. Readers and writers go on meanwhile. */
const database = new DatabaseSync(workerData as string)
try {
  database.exec('pragma busy_timeout = 5000; pragma wal_checkpoint(passive)')
} finally {
  database.close()
}
