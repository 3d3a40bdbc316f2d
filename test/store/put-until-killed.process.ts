import { writeSync } from 'node:fs'
import { putBytes } from '../support/blobs.ts'
import { fileStore } from '../support/file-store.ts'
import { bytesOf } from '../support/images.ts'

/** Puts blobs into the folder it is given, four at a time, and says which are put. */
const [folder = '', seed = ''] = process.argv.slice(2)
const { store, spools } = await fileStore(folder)

await Promise.all(
  [0, 1, 2, 3].map(async (worker) => {
    for (let round = 0; ; round++) {
      const bytes = bytesOf(`${seed}/${worker}/${round}`, (round * 7_919) % 100_000)
      const { digest } = await putBytes(store, spools, bytes)
      // Synchronously, so that what was said is what the parent hears, whenever the end comes.
      writeSync(1, `${digest}\n`)
    }
  }),
)
