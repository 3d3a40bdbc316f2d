import { eventually } from '../support/eventually.ts'
import { RunningProcess } from '../support/processes.ts'
import { ENTREPOT } from './run-entrepot.ts'

/** What the log line of the start tells. */
export interface Started {
  msg: string
  address: string
  adminAddress: string
  'registry-mirrors': string[]
  data: string
}

/** The daemon as a process on free ports. */
export function spawnMirror(data: string, env: Record<string, string> = {}): RunningProcess {
  const args = ['serve', '--host', '127.0.0.1', '--port', '0', '--data', data]
  return new RunningProcess([...ENTREPOT, ...args], {
    env: { ENTREPOT_ADMIN__PORT: '0', ...env },
  })
}

export function lineOf(mirror: RunningProcess, message: string): Promise<Started> {
  return eventually(`the log line "${message}"`, () => {
    if (mirror.exit) throw new Error(`the mirror ended:\n${mirror.output}`)
    const lines = mirror.output.split('\n').filter((line) => line.endsWith('}'))
    return lines.map((line) => JSON.parse(line) as Started).find(({ msg }) => msg === message)
  })
}
