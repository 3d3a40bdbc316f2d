import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { run } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { isInstalled } from '../support/tools.ts'

const UNIT = fileURLToPath(new URL('../../deploy/entrepot.service', import.meta.url))
const LOGROTATE = fileURLToPath(new URL('../../deploy/entrepot.logrotate', import.meta.url))

describe('deploy/entrepot.service', () => {
  const text = readFileSync(UNIT, 'utf8')
  const valuesOf = (key: string) =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value)

  it('gives variables that the configuration knows', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'mirror.config.yml')
    await writeFile(file, '{}')
    const lines = valuesOf('Environment').flatMap((line) => line.split(' '))
    const given = Object.fromEntries(lines.map((line) => line.split('=')) as [string, string][])
    expect(given['ENTREPOT_CONFIG']).toBe('/etc/entrepot/mirror.config.yml')
    const environment = { ...given, ENTREPOT_CONFIG: file, ENTREPOT_DATA: folder.path }
    const { config } = await loadConfig({ environment })
    expect(config.data).toBe(folder.path)
  })

  it('keeps what it writes in folders of its own, and is nobody else', () => {
    expect(valuesOf('StateDirectory')).toEqual(['entrepot'])
    expect(text).toContain('ENTREPOT_DATA=%S/entrepot')
    expect(valuesOf('DynamicUser')).toEqual(['yes'])
    expect(valuesOf('ProtectSystem')).toEqual(['strict'])
    expect(valuesOf('CapabilityBoundingSet')).toEqual([''])
  })

  it('is tried until it starts, unless its configuration is wrong', () => {
    expect(valuesOf('Restart')).toEqual(['on-failure'])
    expect(valuesOf('StartLimitIntervalSec')).toEqual(['0'])
    expect(valuesOf('RestartPreventExitStatus')).toEqual(['78'])
  })

  it('opens the audit log again when logrotate has moved it away', () => {
    const rotation = readFileSync(LOGROTATE, 'utf8')
    const [folder] = valuesOf('LogsDirectory')
    expect(rotation).toMatch(new RegExp(`^/var/log/${folder}/audit.log \\{$`, 'm'))
    expect(rotation).toMatch(/postrotate\n +systemctl reload entrepot\n/)
    expect(valuesOf('ExecReload')).toEqual(['/bin/kill -HUP $MAINPID'])
  })

  it.skipIf(!isInstalled('systemd-analyze'))(
    'is understood by systemd, and safe to it',
    async () => {
      await using folder = await temporaryFolder()
      const units = join(folder.path, 'units')
      await mkdir(units)
      const unit = join(units, 'entrepot.service')
      const program = '/usr/local/bin/entrepot'
      expect(valuesOf('ExecStart')).toEqual([`${program} serve`])
      // It has to be there to be verified.
      await writeFile(unit, text.replace(program, process.execPath))
      expect(await run(['systemd-analyze', 'verify', '--man=no', unit])).toBe('')
      // Tenths: 1.5 of 10.
      await run(['systemd-analyze', 'security', '--offline=true', '--threshold=15', unit])
    },
  )
})
