import { expect, it } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { Dice } from './dice.ts'
import { EvictionRound } from './eviction-round.ts'

/** SIM_SEED plays one round again, SIM_ROUNDS plays more of them. */
const seed = process.env['SIM_SEED']
const rounds = Number(process.env['SIM_ROUNDS'] ?? 8)
const firstSeed = Math.floor(Math.random() * 2 ** 31)
const seeds = seed
  ? [Number(seed)]
  : Array.from({ length: rounds }, (_, index) => firstSeed + index)

it(
  'eviction keeps the limits and whatever it must not take',
  { timeout: rounds * 10_000 },
  async () => {
    let evicted = 0
    for (const seed of seeds) {
      await using folder = await temporaryFolder()
      const round = new EvictionRound(new Dice(seed), folder.path)
      try {
        await round.play()
      } catch (cause) {
        throw new Error(`SIM_SEED=${seed}`, { cause })
      }
      evicted += round.evicted
    }
    expect(evicted).toBeGreaterThan(0)
  },
)
