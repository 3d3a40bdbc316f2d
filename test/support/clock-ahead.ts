/*
 * Preloaded into a daemon under test, so that it need not be waited for what takes minutes: its
 * clock is ahead by CLOCK_AHEAD_MS from the start, and by CLOCK_AHEAD_STEP_MS more with each SIGUSR2.
 */
const now = Date.now.bind(Date)
const stepMs = Number(process.env['CLOCK_AHEAD_STEP_MS'])
let aheadMs = Number(process.env['CLOCK_AHEAD_MS'])

Date.now = () => now() + aheadMs

process.on('SIGUSR2', () => {
  aheadMs += stepMs
})
