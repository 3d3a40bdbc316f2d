import type { WorkName, Works } from '../admin-api.ts'
import type { AdminClient } from './admin-client.ts'
import { progressView } from './progress.ts'

/** Long work of the daemon, with its progress on the error stream. */
export async function work<Name extends WorkName>(
  client: AdminClient,
  name: Name,
  body: Works[Name]['body'],
  onItem: (item: Works[Name]['item']) => void = () => {},
): Promise<Works[Name]['result']> {
  const view = progressView(name, process.stderr)
  try {
    return await client.work(name, body, {
      onProgress: (progress) => view.show(progress),
      onItem: (item) => {
        // Where both streams are the same terminal, what is printed must not stand behind the bar.
        view.end()
        onItem(item)
      },
    })
  } finally {
    view.end()
  }
}
