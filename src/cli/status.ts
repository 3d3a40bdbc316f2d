import { setTimeout as delay } from 'node:timers/promises'
import { Command } from 'commander'
import { type AdminClient, AdminError } from './admin-client.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { printJson, printLine } from './output.ts'
import { QuitKey } from './status/quit-key.ts'
import { printLines, screenOn } from './status/screen.ts'
import { takeSnapshot } from './status/snapshot.ts'
import { statusLines } from './status/status-text.ts'

const WATCH_EVERY_MS = 1000

interface StatusOptions extends AdminOptions {
  watch?: true
}

export function statusCommand(): Command {
  return withAdminOptions(new Command('status'))
    .description('Shows on one screen how the mirror does, problems first.')
    .option('--watch', 'Again each second, until q or Ctrl-C; with --json a line for each.')
    .action(status)
}

async function status({ watch, json, ...options }: StatusOptions): Promise<void> {
  if (watch) {
    using quit = new QuitKey()
    const { signal } = quit
    const client = await adminClient(options, signal)
    await untilQuit(signal, json ? () => showJson(client, printLine) : watcher(client, signal))
  } else if (json) {
    await showJson(await adminClient(options), printJson)
  } else {
    printLines(statusLines(await takeSnapshot(await adminClient(options))))
  }
}

async function showJson(client: AdminClient, show: (value: unknown) => void): Promise<void> {
  const { stats, jobs } = await takeSnapshot(client)
  show({ stats, jobs })
}

/** A daemon that was there may come back. */
function watcher(client: AdminClient, signal: AbortSignal): () => Promise<void> {
  const screen = screenOn(process.stdout)
  let wasThere = false
  return async () => {
    try {
      screen.show(statusLines(await takeSnapshot(client)))
      wasThere = true
    } catch (error) {
      const isGone = error instanceof AdminError && error.failure === 'unavailable'
      if (!isGone || !wasThere || signal.aborted) throw error
      screen.show([{ text: error.message, tone: 'bad' }])
    }
  }
}

async function untilQuit(signal: AbortSignal, show: () => Promise<void>): Promise<void> {
  try {
    for (;;) {
      await show()
      await delay(WATCH_EVERY_MS, undefined, { signal })
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
