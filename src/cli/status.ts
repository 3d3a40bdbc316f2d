import { setTimeout as delay } from 'node:timers/promises'
import { Command } from 'commander'
import type { LiveStatus } from '../admin-daemon.ts'
import { type AdminClient, AdminError } from './admin-client.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { printJson, printLine } from './output.ts'
import { wrapped } from './status/fitted.ts'
import { QuitKey } from './status/quit-key.ts'
import { printLines, type Screen, screenOn, widthOf } from './status/screen.ts'
import { liveSnapshots, takeSnapshot } from './status/snapshot.ts'
import { statusLines } from './status/status-text.ts'

const TRY_AGAIN_AFTER_MS = 1000

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
  if (watch) return watchUntilQuit(options, json)
  const snapshot = await takeSnapshot(await adminClient(options))
  if (json) printJson(partsForPrograms(snapshot))
  else printLines(statusLines(snapshot, widthOf(process.stdout)))
}

async function watchUntilQuit(options: AdminOptions, json: true | undefined): Promise<void> {
  using quit = new QuitKey()
  const { signal } = quit
  const client = await adminClient(options, signal)
  try {
    if (json) await printEach(client)
    else await showEach(client, screenOn(process.stdout), signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

async function printEach(client: AdminClient): Promise<void> {
  for await (const told of client.live()) printLine(partsForPrograms(told))
}

/** A daemon that was there may come back. */
async function showEach(client: AdminClient, screen: Screen, signal: AbortSignal): Promise<never> {
  let wasThere = false
  for (;;) {
    try {
      for await (const snapshot of liveSnapshots(client)) {
        screen.show(statusLines(snapshot, widthOf(process.stdout)))
        wasThere = true
      }
    } catch (error) {
      const isGone = error instanceof AdminError && error.failure === 'unavailable'
      if (!isGone || !wasThere || signal.aborted) throw error
      const lines = wrapped(error.message, '', widthOf(process.stdout))
      screen.show(lines.map((text) => ({ text, tone: 'bad' })))
    }
    await delay(TRY_AGAIN_AFTER_MS, undefined, { signal })
  }
}

function partsForPrograms({ stats, jobs }: LiveStatus): Omit<LiveStatus, 'upstreams'> {
  return { stats, jobs }
}
