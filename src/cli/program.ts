import { Command } from 'commander'
import { clientCommand } from './client.ts'
import { configCommand } from './config.ts'
import { type ConfigOptions, withConfigOptions } from './config-options.ts'
import { doctorCommand } from './doctor.ts'
import { endWithOutput, EXIT, reportFailure } from './failure.ts'
import { evictCommand } from './evict.ts'
import { errorsCommand } from './errors.ts'
import { eventsCommand } from './events.ts'
import { freezeCommand, freezesCommand, unfreezeCommand } from './freeze.ts'
import { gcCommand } from './gc.ts'
import { historyCommand } from './history.ts'
import { holdsCommand, releaseCommand } from './hold.ts'
import { lsCommand } from './ls.ts'
import { migrateCommand } from './migrate.ts'
import { withVersions } from './other-version.ts'
import { passwdCommand } from './passwd.ts'
import { pinCommand, pinsCommand, unpinCommand } from './pin.ts'
import { purgeCommand } from './purge.ts'
import { repositoriesCommand } from './repositories.ts'
import { rollbackCommand } from './rollback.ts'
import { scrubCommand } from './scrub.ts'
import { statusCommand } from './status.ts'
import { sweepCommand } from './sweep.ts'
import { topCommand } from './top.ts'
import { upstreamCommand } from './upstream.ts'
import { warmCommand } from './warm.ts'
import { VERSION } from '../version.ts'

/** Runs a command to its end and returns what the process is to end with. */
export async function run(args: readonly string[]): Promise<number> {
  endWithOutput()
  let called: Command | undefined
  const program = createProgram().hook('preAction', (_, command) => {
    called = command
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return EXIT.ok
  } catch (error) {
    return reportFailure(await withVersions(error, called))
  }
}

function createProgram(): Command {
  const program = new Command('entrepot')
    .description('Pull-through cache mirror for container images.')
    .version(VERSION)
  withConfigOptions(program.command('serve'))
    .description('Runs the mirror until it is told to stop.')
    .action(async (options: ConfigOptions) => {
      // The other commands are quicker without the daemon's code.
      const { serve } = await import('./serve.ts')
      await serve(options)
    })
  program.addCommand(configCommand())
  program.addCommand(clientCommand())
  program.addCommand(statusCommand())
  program.addCommand(topCommand())
  program.addCommand(repositoriesCommand())
  program.addCommand(doctorCommand())
  for (const command of [lsCommand, evictCommand, purgeCommand, scrubCommand, sweepCommand]) {
    program.addCommand(command())
  }
  program.addCommand(gcCommand())
  program.addCommand(rollbackCommand())
  program.addCommand(migrateCommand())
  program.addCommand(upstreamCommand())
  program.addCommand(eventsCommand())
  program.addCommand(errorsCommand())
  program.addCommand(warmCommand())
  program.addCommand(passwdCommand())
  for (const command of [pinCommand, unpinCommand, pinsCommand]) program.addCommand(command())
  for (const command of [holdsCommand, releaseCommand, historyCommand]) {
    program.addCommand(command())
  }
  for (const command of [freezeCommand, unfreezeCommand, freezesCommand]) {
    program.addCommand(command())
  }
  makeThrow(program)
  return program
}

/** Commander ends the process on a wrong command unless every command is told to throw. */
function makeThrow(command: Command): void {
  command.exitOverride()
  for (const child of command.commands) makeThrow(child)
}
