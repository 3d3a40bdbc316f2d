import { lockFolder } from '../../src/store/folder-lock.ts'

/** Locks the folder it is given and holds it until it is killed. */
const [folder = ''] = process.argv.slice(2)
await using lock = await lockFolder(folder)
await lock.tell({ pid: process.pid, hostName: 'elsewhere', sinceMs: Date.UTC(2026, 0, 1) })
process.stdout.write('locked\n')
await new Promise(() => setInterval(() => {}, 1_000_000))
