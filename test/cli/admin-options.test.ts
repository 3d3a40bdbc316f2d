import { describe, expect, test } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { MirrorStage } from './mirror-stage.ts'
import { runEntrepot } from './run-entrepot.ts'

describe('the daemon', () => {
  test('that does not run is told as that', async () => {
    const port = await freePort()
    expect(await runEntrepot(['ls'], { ENTREPOT_ADMIN__PORT: String(port) })).toEqual({
      code: 69,
      stdout: '',
      stderr:
        `entrepot: no daemon answers at http://127.0.0.1:${port} (ECONNREFUSED): ` +
        'is entrepot serve running?\n',
    })
  })

  test('that stops while a command waits says so', async () => {
    await using stage = await MirrorStage.start({ ENTREPOT_SCRUB__RATE: '1KiB' })
    await stage.pull('library/alpine:3')
    const scrub = stage.run('scrub')
    await stage.untilProgressOf('scrub')
    await stage.stop()
    expect(await scrub).toMatchObject({ code: 69, stdout: '' })
    expect((await scrub).stderr).toMatch(/entrepot: the daemon is stopping\n$/)
  })

  test('with a token wants it', async () => {
    const token = { ENTREPOT_ADMIN__TOKEN: 'open-sesame' }
    await using stage = await MirrorStage.start(token)
    expect(await runEntrepot(['ls', '--admin', stage.adminUrl], token)).toMatchObject({ code: 0 })
    expect(await runEntrepot(['ls', '--admin', stage.adminUrl])).toEqual({
      code: 77,
      stdout: '',
      stderr: `entrepot: the daemon at ${stage.adminUrl} asks for a token: see admin.token\n`,
    })
    const wrong = { ENTREPOT_ADMIN__TOKEN: 'sesame' }
    expect(await runEntrepot(['ls', '--admin', stage.adminUrl], wrong)).toMatchObject({ code: 77 })
  })

  test('is not looked for on any free port, nor at what is no URL', async () => {
    expect(await runEntrepot(['ls'], { ENTREPOT_ADMIN__PORT: '0' })).toMatchObject({
      code: 64,
      stderr: 'entrepot: the daemon listens on any free port (admin.port is 0): see --admin\n',
    })
    expect(await runEntrepot(['ls', '--admin', 'localhost:5001'])).toMatchObject({ code: 64 })
  })
})
